import { hmac } from '@noble/hashes/hmac'
import { sha256 } from '@noble/hashes/sha2'
import { assert } from '../mvcc/errors.ts'
import { bytesOf, numberOf, type Sql } from '../mvcc/sql.ts'

/** What a token says of its bearer. */
export interface TokenStatement {
  /** 16 random letters that tell it from the other tokens of its user. */
  readonly id: string
  /** That of the user whose token it is, while the user has this password. */
  readonly passwordRevision: number
  /** In ms since 1970. */
  readonly expiry: number
}

/** A token that memory knows. Times are in ms since 1970. */
interface HeldToken {
  readonly statement: TokenStatement
  /** From here on the token is dead. */
  deadline: number
  /** What the token says or its row: never before `deadline`. */
  expiry: number
}

const ID_LETTERS = 16
const KEY_BYTES = 32
/** 128 bits in hex: nobody guesses them, and the token stays short. */
const MAC_LETTERS = 32
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const SELECT_KEY = 'SELECT key FROM auth_token_key'
const INSERT_KEY = 'INSERT INTO auth_token_key (one, key) VALUES (1, ?)'
const DELETE_KEY = 'DELETE FROM auth_token_key'
const SELECT_EXPIRY = 'SELECT expiry FROM auth_token WHERE id = ?'
const UPSERT_EXPIRY =
  'INSERT INTO auth_token (id, expiry) VALUES (?, ?) ' +
  'ON CONFLICT (id) DO UPDATE SET expiry = excluded.expiry'
const DELETE_EXPIRED = 'DELETE FROM auth_token WHERE expiry <= ?'
const DELETE_TOKENS = 'DELETE FROM auth_token'

/**
 * etcd's simple tokens (server/auth/simple_token.go), which die a TTL after their last use. etcd
 * keeps them in memory; here memory is lost whenever nobody asks for a while, and a row for each use
 * would be dear. So a token is a statement, signed with a key of the keyspace:
 *
 *     TBWNqQcxAKDYknRE.39.1800000450000.5f1d0b3c…
 *     its id           │  its expiry    HMAC-SHA-256 of all before it
 *                      the password revision that names the user
 *
 * As with leases, the deadline is in memory alone, and something that is never before it is kept:
 * the expiry of the statement, 1.5 TTL after the login, and once a use makes the deadline later than
 * that, a row with an expiry of 1.5 TTL after the use. A login writes nothing, nor does what is
 * asked in the first half of a TTL after it; later a token in use writes at most two rows a TTL.
 * After memory was lost the expiry is the deadline: a token that nobody uses then dies up to half a
 * TTL later than etcd's.
 *
 * All of a user's tokens die with the password that they name, and all tokens with the key, which
 * is made anew each time that auth is enabled.
 */
export class SimpleTokens {
  readonly #sql: Sql
  readonly #random: (bytes: number) => Uint8Array
  readonly #ttl: number
  readonly #held = new Map<string, HeldToken>()
  #key: Uint8Array | undefined
  #swept = 0

  /** `ttl` is in milliseconds, `random` has to be that of a cryptographer. */
  constructor(sql: Sql, random: (bytes: number) => Uint8Array, ttl: number) {
    this.#sql = sql
    this.#random = random
    this.#ttl = ttl
  }

  /** Makes the key. Within the caller's transaction, as `disable` is. */
  enable(): void {
    this.#key = undefined
    this.#sql.run(INSERT_KEY, this.#random(KEY_BYTES))
  }

  disable(): void {
    this.#key = undefined
    this.#held.clear()
    this.#sql.run(DELETE_KEY)
    this.#sql.run(DELETE_TOKENS)
  }

  /** What memory knows, but for how long tokens have been in use: it is read anew. */
  forget(): void {
    this.#key = undefined
    this.#held.clear()
  }

  assign(passwordRevision: number, now: number): string {
    this.#sweep(now)
    const id = lettersOf(this.#random(ID_LETTERS))
    const statement = { id, passwordRevision, expiry: now + this.#ttl * 1.5 }
    const signed = `${id}.${passwordRevision}.${statement.expiry}`
    const token = `${signed}.${this.#sign(signed)}`
    this.#held.set(token, { statement, deadline: now + this.#ttl, expiry: statement.expiry })
    return token
  }

  /** Undefined for what is no token of ours, or a dead one. */
  statementOf(token: string, now: number): TokenStatement | undefined {
    const held = this.#held.get(token) ?? this.#verify(token)
    return held !== undefined && now < held.deadline ? held.statement : undefined
  }

  /** Notes the use of a token that `statementOf` has just accepted. */
  renew(token: string, now: number): void {
    const held = this.#held.get(token)
    assert(held !== undefined, 'a token is renewed that was not accepted')
    held.deadline = now + this.#ttl
    if (held.deadline > held.expiry) {
      held.expiry = now + this.#ttl * 1.5
      this.#sweep(now)
      this.#sql.run(UPSERT_EXPIRY, held.statement.id, held.expiry)
    }
  }

  #verify(token: string): HeldToken | undefined {
    const [, signed, id, passwordRevision, stated, mac] =
      /^(([A-Za-z]{16})\.(\d{1,16})\.(\d{1,16}))\.([0-9a-f]{32})$/.exec(token) ?? []
    if (signed === undefined || id === undefined || mac === undefined) {
      return undefined
    }
    if (!isSame(mac, this.#sign(signed))) {
      return undefined
    }
    const row = this.#sql.first(SELECT_EXPIRY, id)
    const expiry = row === undefined ? Number(stated) : numberOf(row[0])
    const statement = { id, passwordRevision: Number(passwordRevision), expiry: Number(stated) }
    const held = { statement, deadline: expiry, expiry }
    this.#held.set(token, held)
    return held
  }

  #sign(text: string): string {
    this.#key ??= bytesOf(this.#sql.first(SELECT_KEY)?.[0])
    const mac = hmac(sha256, this.#key, asciiBytes(text))
    return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0'))
      .join('')
      .slice(0, MAC_LETTERS)
  }

  /**
   * Forgets, once a TTL, what has expired. A token that is dead but whose expiry is to come stays
   * known, lest it came back to life.
   */
  #sweep(now: number): void {
    if (now < this.#swept + this.#ttl) {
      return
    }
    this.#swept = now
    for (const [token, { expiry }] of this.#held) {
      if (expiry <= now) {
        this.#held.delete(token)
      }
    }
    this.#sql.run(DELETE_EXPIRED, now)
  }
}

/** Takes as long whatever the guess: both are of one length. */
function isSame(a: string, b: string): boolean {
  let difference = 0
  for (let i = 0; i < a.length; i++) {
    difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  }
  return difference === 0
}

function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => LETTERS.charAt(byte % LETTERS.length)).join('')
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}
