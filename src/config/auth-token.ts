import { parseDuration } from './duration.ts'

/** What a JWT may be signed with; the names are those of RFC 7518. */
export const signMethods = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'HS256',
  'HS384',
  'HS512',
  'EdDSA',
] as const

export type SignMethod = (typeof signMethods)[number]

/** The value of `--auth-token`; an empty one gives and takes no tokens at all. */
export type AuthToken = { readonly kind: 'none' | 'simple' } | JwtOptions

/** The keys are paths of PEM files, or of any file for HMAC, whose one key is the private one. */
interface JwtOptions {
  readonly kind: 'jwt'
  readonly signMethod: SignMethod
  readonly publicKey: string | undefined
  readonly privateKey: string | undefined
  /** Milliseconds. */
  readonly ttl: number
  /** Ours: a change of users, roles or permissions ends only the tokens of the users whose password it sets. */
  readonly survivesUserChanges: boolean
}

const TTL_DEFAULT = '5m'

/**
 * Such as `jwt,pub-key=app.rsa.pub,priv-key=app.rsa,sign-method=RS512,ttl=10m`; undefined where etcd
 * says "auth: invalid auth options" (server/auth/options.go). Options that it does not know are
 * passed over, as etcd does after a warning; `survives-user-changes=true` is ours.
 */
export function parseAuthToken(text: string): AuthToken | undefined {
  const [kind, ...pairs] = text.split(',')
  const options = new Map<string, string>()
  for (const pair of pairs) {
    const [name = '', value, more] = pair.split('=')
    if (value === undefined || more !== undefined || options.has(name)) {
      return undefined
    }
    options.set(name, value)
  }
  switch (kind) {
    case '':
      return { kind: 'none' }
    case 'simple':
      return { kind: 'simple' }
    case 'jwt':
      return jwtOptions(options)
    default:
      return undefined
  }
}

function jwtOptions(options: ReadonlyMap<string, string>): JwtOptions | undefined {
  const signMethod = signMethods.find((method) => method === options.get('sign-method'))
  const ttl = parseDuration(options.get('ttl') || TTL_DEFAULT)
  if (signMethod === undefined || ttl === undefined) {
    return undefined
  }
  return {
    kind: 'jwt',
    signMethod,
    publicKey: options.get('pub-key') || undefined,
    privateKey: options.get('priv-key') || undefined,
    ttl,
    survivesUserChanges: options.get('survives-user-changes') === 'true',
  }
}

/**
 * Which tokens Authenticate gives and others take. The keys of JWTs are what PEM files hold, or any
 * bytes for HMAC; without bytes there is none.
 */
export type TokenSettings =
  | { readonly kind: 'none' | 'simple' }
  | {
      readonly kind: 'jwt'
      readonly signMethod: SignMethod
      readonly publicKey: Uint8Array
      readonly privateKey: Uint8Array
      /** Milliseconds. */
      readonly ttl: number
      readonly survivesUserChanges: boolean
    }

/** The keys as variables have them: PEM, or for HMAC base64; empty for none. */
interface KeyTexts {
  readonly publicKey: string
  readonly privateKey: string
}

/** Undefined where `parseAuthToken` says so, or where a key is no base64. */
export function tokenSettings(
  text: string,
  { publicKey, privateKey }: KeyTexts,
): TokenSettings | undefined {
  const parsed = parseAuthToken(text)
  if (parsed?.kind !== 'jwt') {
    return parsed
  }
  const { signMethod } = parsed
  const utf8 = new TextEncoder()
  const key = isHmac(signMethod) ? fromBase64(privateKey) : utf8.encode(privateKey)
  return key && { ...parsed, publicKey: utf8.encode(publicKey), privateKey: key }
}

export function isHmac(signMethod: SignMethod): boolean {
  return signMethod.startsWith('HS')
}

function fromBase64(text: string): Uint8Array | undefined {
  return /^[A-Za-z\d+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0))
    : undefined
}
