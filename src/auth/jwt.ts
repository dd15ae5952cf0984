/** Tokens that a key vouches for (server/auth/jwt.go). Signing and verifying wait for WebCrypto. */
import {
  type CryptoKey,
  errors,
  exportJWK,
  importJWK,
  importPKCS8,
  importSPKI,
  importX509,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose'
import type { SignMethod } from '../config/auth-token.ts'
import type { AuthInfo } from './auth-store.ts'
import { authInfoOfClaims, claimsOf } from './jwt-claims.ts'

/** What the files hold: PEM of PKCS #8, and of SPKI or a certificate; for HMAC any bytes. */
export interface JwtKeyFiles {
  readonly signMethod: SignMethod
  readonly publicKey: Uint8Array | undefined
  readonly privateKey: Uint8Array | undefined
}

const utf8 = new TextDecoder()

interface JwtKeys {
  readonly verifying: CryptoKey | Uint8Array
  /** Undefined where there is a public key only. */
  readonly signing: CryptoKey | Uint8Array | undefined
}

export class Jwt {
  readonly #signMethod: SignMethod
  readonly #keys: JwtKeys
  /** Milliseconds. */
  readonly #ttl: number

  private constructor(signMethod: SignMethod, keys: JwtKeys, ttl: number) {
    this.#signMethod = signMethod
    this.#keys = keys
    this.#ttl = ttl
  }

  /** Rejects, in etcd's words, where no key is given or the two are no pair. */
  static async open(files: JwtKeyFiles, ttl: number): Promise<Jwt> {
    const hmac = files.signMethod.startsWith('HS')
    return new Jwt(files.signMethod, hmac ? hmacKeys(files) : await keyPair(files), ttl)
  }

  /** `now` is in ms since 1970. Undefined where the key can only verify. */
  async sign(info: AuthInfo, now: number): Promise<string | undefined> {
    const { signing } = this.#keys
    if (signing === undefined) {
      return undefined
    }
    return new SignJWT({ ...claimsOf(info, now, this.#ttl) })
      .setProtectedHeader({ alg: this.#signMethod, typ: 'JWT' })
      .sign(signing)
  }

  /** Who bears the token; undefined for one that is not valid, for whatever reason. */
  async verify(token: string, now: number): Promise<AuthInfo | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#keys.verifying, {
        algorithms: [this.#signMethod],
        currentDate: new Date(now),
      })
      return authInfoOfClaims(payload)
    } catch (error) {
      if (error instanceof errors.JOSEError) {
        return undefined
      }
      throw error
    }
  }
}

function hmacKeys({ privateKey }: JwtKeyFiles): JwtKeys {
  if (isMissing(privateKey)) {
    throw new Error('auth: missing key data')
  }
  return { verifying: privateKey, signing: privateKey }
}

async function keyPair({ signMethod, publicKey, privateKey }: JwtKeyFiles): Promise<JwtKeys> {
  const given = isMissing(publicKey) ? undefined : await importPublic(publicKey, signMethod)
  if (isMissing(privateKey)) {
    if (given === undefined) {
      throw new Error('auth: missing key data')
    }
    return { verifying: given, signing: undefined }
  }
  const signing = await importPKCS8(utf8.decode(privateKey), signMethod, { extractable: true })
  const derived = publicPart(await exportJWK(signing))
  if (given !== undefined && !isSameKey(derived, await exportJWK(given))) {
    throw new Error("auth: public and private keys don't match")
  }
  return { verifying: await importJWK(derived, signMethod), signing }
}

/** An empty file is no key. */
function isMissing(key: Uint8Array | undefined): key is undefined {
  return key === undefined || key.length === 0
}

function importPublic(file: Uint8Array, signMethod: SignMethod): Promise<CryptoKey> {
  const pem = utf8.decode(file)
  const read = pem.includes('BEGIN CERTIFICATE') ? importX509 : importSPKI
  return read(pem, signMethod, { extractable: true })
}

/** Of an RSA, an EC or an Edwards key. */
function publicPart({ kty, n, e, crv, x, y }: JWK): JWK {
  const members = { kty, n, e, crv, x, y }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function isSameKey(a: JWK, b: JWK): boolean {
  return a.n === b.n && a.e === b.e && a.crv === b.crv && a.x === b.x && a.y === b.y
}
