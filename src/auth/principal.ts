import { EngineError } from '../mvcc/errors.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import type { AuthInfo, AuthStore } from './auth-store.ts'
import { checkPermission, type LeasedKeys } from './check-permission.ts'

/**
 * In whose name something is done. A method asks in two places, so that the first of several
 * problems is the one that etcd tells of: who it is, before the size of the request and the alarms,
 * and whether they may, right before the deed and in its turn.
 */
export interface Principal {
  /** Throws `invalid-auth-token`. */
  authenticate(): void
  /** Throws `user-empty` where somebody has to be known. Asked after `authenticate`. */
  identify(): void
  /** Throws what `checkPermission` throws. Asked after `authenticate`. */
  authorize(method: MethodName, request: object): void
}

/** The keyspace itself, which may do everything. */
export const serverPrincipal: Principal = {
  authenticate: () => undefined,
  identify: () => undefined,
  authorize: () => undefined,
}

/** What knows the users of a keyspace, and their tokens (tokens.ts). */
interface UsersOf extends LeasedKeys {
  readonly auth: AuthStore
  readonly tokens: {
    verify(token: string): Promise<AuthInfo | undefined> | undefined
    bearer(token: string, verified: AuthInfo | undefined): AuthInfo
  }
}

/** What says who of etcd's users somebody is. */
export type UserContext = Pick<CallContext, 'token' | 'commonName'>

/** Whoever has sent a request. While auth is off, nothing that they show is looked at. */
class Client implements Principal {
  readonly #keyspace: UsersOf
  readonly #context: UserContext
  readonly #verified: AuthInfo | undefined
  #who: AuthInfo | undefined

  constructor(keyspace: UsersOf, context: UserContext, verified: AuthInfo | undefined) {
    this.#keyspace = keyspace
    this.#context = context
    this.#verified = verified
  }

  authenticate(): void {
    this.#who = this.#keyspace.auth.enabled ? this.#credentials() : undefined
  }

  /** A token comes before a certificate, a wrong one too. */
  #credentials(): AuthInfo | undefined {
    const { auth, tokens } = this.#keyspace
    const { token, commonName } = this.#context
    if (token !== undefined) {
      return tokens.bearer(token, this.#verified)
    }
    return commonName === undefined ? undefined : { username: commonName, revision: auth.revision }
  }

  identify(): void {
    if (this.#keyspace.auth.enabled && this.#who === undefined) {
      throw new EngineError('user-empty')
    }
  }

  authorize(method: MethodName, request: object): void {
    const { auth } = this.#keyspace
    if (auth.enabled) {
      checkPermission({ auth, who: this.#who, leases: this.#keyspace }, method, request)
    }
  }
}

/** A promise only where a JWT has to be verified. */
export function principalOf(
  keyspace: UsersOf,
  context: UserContext & Pick<CallContext, 'asServer'>,
): Principal | Promise<Principal> {
  const { token, asServer } = context
  if (asServer === true) {
    return serverPrincipal
  }
  const verifying = token === undefined ? undefined : keyspace.tokens.verify(token)
  return verifying === undefined
    ? new Client(keyspace, context, undefined)
    : verifying.then((verified) => new Client(keyspace, context, verified))
}
