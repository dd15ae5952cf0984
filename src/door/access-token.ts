/**
 * What stands before every access token, by which it is told from the tokens of etcd's users wherever
 * either is shown.
 */
const PREFIX = 'etcdurable_'

/** Of a keyspace `etcdurable_<id>_<secret>`, of an administrator `etcdurable_admin_<id>_<secret>`. */
const FORM = /^etcdurable_(admin_)?([\da-f]{16})_([\w-]{43})$/

/** An id is 16 digits in hex, so of 8 bytes; a secret is 32 bytes in base64url. */
export const ACCESS_ID_BYTES = 8
export const ACCESS_SECRET_BYTES = 32

export interface AccessTokenParts {
  /** Who knows the token: its keyspace, or the deployment's directory. */
  readonly kind: 'keyspace' | 'administrator'
  readonly id: string
  readonly secret: string
}

/** Whether a text is meant for us and not for etcd, be it a token or not. */
export function isAccessToken(text: string): boolean {
  return text.startsWith(PREFIX)
}

/** Undefined for what is no token, letter by letter: there is one way to write each. */
export function parseAccessToken(text: string): AccessTokenParts | undefined {
  const [, admin, id, secret] = FORM.exec(text) ?? []
  if (id === undefined || secret === undefined) {
    return undefined
  }
  return { kind: admin === undefined ? 'keyspace' : 'administrator', id, secret }
}

export function formatAccessToken({ kind, id, secret }: AccessTokenParts): string {
  return `${PREFIX}${kind === 'administrator' ? 'admin_' : ''}${id}_${secret}`
}

/** `administrator` is of the directory's tokens, the others of a keyspace's. */
export type Access = 'read-only' | 'read-write' | 'administrator'

/** A token without its secret. Times are in milliseconds since 1970. */
export interface AccessToken {
  readonly id: string
  readonly description: string
  readonly access: Access
  /** Whether its bearer may say which certificate a user has shown. */
  readonly commonNames: boolean
  readonly created: number
  /** From here on it is dead; undefined for never. */
  readonly expires: number | undefined
}

export type NewAccessToken = Omit<AccessToken, 'id' | 'created'>

export interface CreatedAccessToken {
  readonly token: AccessToken
  /** The only place where the secret is. */
  readonly text: string
}
