import type { TokenSettings } from '../config/auth-token.ts'
import { EngineError } from '../mvcc/errors.ts'
import { statusOf } from '../protocol/status.ts'
import type { AuthInfo, AuthStore } from './auth-store.ts'
import { Jwt } from './jwt.ts'

/** The tokens of the configured kind: who is given one, and who bears it. */
export class Tokens {
  readonly #auth: AuthStore
  readonly #settings: TokenSettings
  #jwt: Jwt | undefined

  constructor(auth: AuthStore, settings: TokenSettings) {
    this.#auth = auth
    this.#settings = settings
  }

  /** To be awaited before anything else. Rejects where the keys of JWTs are none. */
  async open(): Promise<void> {
    if (this.#settings.kind === 'jwt') {
      this.#jwt = await Jwt.open(this.#settings, this.#settings.ttl)
    }
  }

  /**
   * What a token says, where that cannot be found out within a turn: WebCrypto answers later.
   * Resolves to undefined for what is no valid token.
   */
  verify(token: string): Promise<AuthInfo | undefined> | undefined {
    return this.#jwt?.verify(token, Date.now())
  }

  /** Who bears the token, of which `verify` has said `verified`. Throws `invalid-auth-token`. */
  bearer(token: string, verified: AuthInfo | undefined): AuthInfo {
    if (this.#settings.kind === 'simple') {
      return this.#auth.authInfo(token, Date.now())
    }
    if (verified === undefined) {
      throw new EngineError('invalid-auth-token')
    }
    const survives = this.#settings.kind === 'jwt' && this.#settings.survivesUserChanges
    return survives ? this.#auth.renewed(verified) : verified
  }

  /** A token for who has just authenticated, in this same turn. */
  async issue(info: AuthInfo): Promise<string> {
    if (this.#settings.kind === 'simple') {
      return this.#auth.assignToken(info, Date.now())
    }
    if (this.#jwt === undefined) {
      throw new EngineError('auth-failed')
    }
    const token = await this.#jwt.sign(info, Date.now())
    if (token === undefined) {
      throw statusOf('verify-only-key')
    }
    return token
  }
}
