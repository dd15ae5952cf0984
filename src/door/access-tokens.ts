import { sha256 } from '@noble/hashes/sha2'
import { bytesToHex } from '@noble/hashes/utils'
import { EngineError } from '../mvcc/errors.ts'
import { bytesOf, numberOf, type Sql, type SqlRow, textOf } from '../mvcc/sql.ts'
import {
  type Access,
  ACCESS_ID_BYTES,
  ACCESS_SECRET_BYTES,
  type AccessToken,
  type AccessTokenParts,
  type CreatedAccessToken,
  formatAccessToken,
  type NewAccessToken,
  parseAccessToken,
} from './access-token.ts'
import { base64Url } from './base64-url.ts'

/** A token, and SHA-256 of its secret. */
export interface StoredAccessToken {
  readonly token: AccessToken
  readonly hash: Uint8Array
}

/** They are held in memory, all of them. */
export const ACCESS_TOKENS_MAX = 1000

const SELECT_TOKENS =
  'SELECT id, hash, access, common_names, description, created, expires FROM access_token'
export const INSERT_TOKEN =
  'INSERT INTO access_token (id, hash, access, common_names, description, created, expires) ' +
  'VALUES (?, ?, ?, ?, ?, ?, ?)'
const DELETE_TOKEN = 'DELETE FROM access_token WHERE id = ?'
const DELETE_EXPIRED = 'DELETE FROM access_token WHERE expires <= ?'

/**
 * The access tokens of a keyspace, or the administrators' of a deployment. A secret is stored as its
 * hash alone; one hash without salt or rounds will do, since a secret of 256 random bits is not to be
 * guessed.
 */
export class AccessTokens {
  readonly #sql: Sql
  readonly #kind: AccessTokenParts['kind']
  /** By id; read when a token is first asked for. */
  #tokens: Map<string, StoredAccessToken> | undefined
  /** What was found right, by its text: a token that comes with every call is hashed once. */
  readonly #verified = new Map<string, AccessToken>()
  /** Counts what is written. */
  changes = 0

  constructor(sql: Sql, kind: AccessTokenParts['kind']) {
    this.#sql = sql
    this.#kind = kind
  }

  /** Whether there are any. */
  get some(): boolean {
    return this.#all().size > 0
  }

  /** The oldest first, expired ones too until the next one is made. */
  list(): readonly AccessToken[] {
    const tokens = [...this.#all().values()].map(({ token }) => token)
    return tokens.toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
  }

  /** The same with their hashes, which are all that is kept of the secrets. */
  stored(): readonly StoredAccessToken[] {
    return this.list().flatMap(({ id }) => this.#all().get(id) ?? [])
  }

  /**
   * Answers the token and its text, which nobody can tell again. `random` has to be that of a
   * cryptographer. Throws `too-many-access-tokens`.
   */
  create(
    wanted: NewAccessToken,
    now: number,
    random: (bytes: number) => Uint8Array,
  ): CreatedAccessToken {
    this.#sweep(now)
    if (this.#all().size >= ACCESS_TOKENS_MAX) {
      throw new EngineError('too-many-access-tokens')
    }
    const secret = base64Url(random(ACCESS_SECRET_BYTES))
    const token = { ...wanted, id: bytesToHex(random(ACCESS_ID_BYTES)), created: now }
    const { id, access, commonNames, description, created, expires } = token
    const hash = hashOf(secret)
    this.#sql.run(
      INSERT_TOKEN,
      id,
      hash,
      access,
      commonNames ? 1 : 0,
      description,
      created,
      expires ?? null,
    )
    this.#all().set(id, { token, hash })
    this.changes++
    return { token, text: formatAccessToken({ kind: this.#kind, id, secret }) }
  }

  /** Another one has written. A token that is still there stays the same one. */
  reread(): void {
    const known = this.#tokens
    this.#tokens = undefined
    this.#verified.clear()
    for (const [id, stored] of this.#all()) {
      this.#all().set(id, known?.get(id) ?? stored)
    }
    this.changes++
  }

  /** Answers whether there was such a token. */
  revoke(id: string): boolean {
    const known = this.#all().delete(id)
    if (known) {
      this.#sql.run(DELETE_TOKEN, id)
      this.changes++
      this.#verified.clear()
    }
    return known
  }

  /** The token whose text is shown; undefined for what is none, or none any more. */
  verify(text: string, now: number): AccessToken | undefined {
    const token = this.#verified.get(text) ?? this.#find(text)
    return token !== undefined && this.isAlive(token, now) ? token : undefined
  }

  /** The token of an id whose text was shown before. */
  get(id: string, now: number): AccessToken | undefined {
    const token = this.#all().get(id)?.token
    return token !== undefined && this.isAlive(token, now) ? token : undefined
  }

  /** Whether a token that `verify` or `get` has answered is one still. */
  isAlive(token: AccessToken, now: number): boolean {
    return this.#tokens?.get(token.id)?.token === token && (token.expires ?? Infinity) > now
  }

  #find(text: string): AccessToken | undefined {
    const parts = parseAccessToken(text)
    const stored = parts?.kind === this.#kind ? this.#all().get(parts.id) : undefined
    if (parts === undefined || stored === undefined || !isSame(hashOf(parts.secret), stored.hash)) {
      return undefined
    }
    this.#verified.set(text, stored.token)
    return stored.token
  }

  #sweep(now: number): void {
    const dead = this.list().filter(({ expires }) => (expires ?? Infinity) <= now)
    if (dead.length > 0) {
      this.#sql.run(DELETE_EXPIRED, now)
      this.changes++
      dead.forEach(({ id }) => this.#all().delete(id))
      this.#verified.clear()
    }
  }

  #all(): Map<string, StoredAccessToken> {
    this.#tokens ??= new Map(
      this.#sql
        .all(SELECT_TOKENS)
        .map((row): [string, StoredAccessToken] => [textOf(row[0]), storedOf(row)]),
    )
    return this.#tokens
  }
}

function storedOf([
  id,
  hash,
  access,
  commonNames,
  description,
  created,
  expires,
]: SqlRow): StoredAccessToken {
  return {
    hash: bytesOf(hash),
    token: {
      id: textOf(id),
      access: textOf(access) as Access,
      commonNames: numberOf(commonNames) === 1,
      description: textOf(description),
      created: numberOf(created),
      expires: expires === null ? undefined : numberOf(expires),
    },
  }
}

/** Of the text of a secret, so that there is one way to spell it. */
function hashOf(secret: string): Uint8Array {
  return sha256(secret)
}

/** Looks at every byte, however early two hashes differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [place, byte] of a.entries()) {
    difference |= byte ^ (b[place] ?? 0)
  }
  return difference === 0
}
