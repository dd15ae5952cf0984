import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Jwt } from '../auth/jwt.ts'
import { isHmac, parseAuthToken, tokenSettings } from '../config/auth-token.ts'
import { Failure, systemErrorCode } from './failure.ts'

/**
 * The Worker's variables with the keys that `--auth-token=jwt,…` names, which it cannot read from
 * files. PEM comes in many forms; WebCrypto takes PKCS #8 and SPKI. Throws Failure where etcd would
 * not start: no key, or two that are no pair.
 */
export async function jwtKeyVariables(flag: string): Promise<ReadonlyMap<string, string>> {
  const options = parseAuthToken(flag)
  if (options?.kind !== 'jwt') {
    return new Map()
  }
  const hmac = isHmac(options.signMethod)
  const keys = {
    publicKey: hmac ? '' : readKey(options.publicKey, publicPem),
    privateKey: readKey(options.privateKey, hmac ? (file) => file.toString('base64') : privatePem),
  }
  const settings = tokenSettings(flag, keys)
  if (settings?.kind === 'jwt') {
    await openJwt(settings, flag)
  }
  return new Map([
    ['ETCD_AUTH_TOKEN_PUBLIC_KEY', keys.publicKey],
    ['ETCD_AUTH_TOKEN_PRIVATE_KEY', keys.privateKey],
  ])
}

/** Empty where no file is named, or an empty one. */
function readKey(path: string | undefined, textOf: (file: Buffer) => string): string {
  if (path === undefined) {
    return ''
  }
  try {
    const file = readFileSync(path)
    return file.length === 0 ? '' : textOf(file)
  } catch (error) {
    const why = systemErrorCode(error) ?? (error instanceof Error ? error.message : String(error))
    throw new Failure(`cannot read the key ${path} of --auth-token: ${why}`)
  }
}

function publicPem(file: Buffer): string {
  return createPublicKey(file).export({ type: 'spki', format: 'pem' }).toString()
}

function privatePem(file: Buffer): string {
  return createPrivateKey(file).export({ type: 'pkcs8', format: 'pem' }).toString()
}

async function openJwt(settings: Parameters<typeof Jwt.open>[0], flag: string): Promise<void> {
  try {
    await Jwt.open(settings, 0)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(`invalid value "${flag}" for --auth-token: ${why}`)
  }
}
