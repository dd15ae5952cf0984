import { checkAccess } from '../auth/access.ts'
import type { AuthInfo } from '../auth/auth-store.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import type { Keyspace } from './keyspace.ts'

/**
 * In whose name something is done. A method asks in two places, so that the first of several
 * problems is the one that etcd tells of: who it is, before the size of the request and the alarms,
 * and whether they may, right before the deed and in its turn.
 */
export interface Principal {
  /** Throws `invalid-auth-token`. */
  authenticate(): void
  /** Throws what `checkAccess` throws. Asked after `authenticate`. */
  authorize(method: MethodName, request: object): void
}

/** The keyspace itself, which may do everything. */
export const serverPrincipal: Principal = {
  authenticate: () => undefined,
  authorize: () => undefined,
}

/** Whoever has sent a request. While auth is off, nothing that they show is looked at. */
class Client implements Principal {
  readonly #keyspace: Keyspace
  readonly #token: string | undefined
  readonly #verified: AuthInfo | undefined
  #who: AuthInfo | undefined

  constructor(keyspace: Keyspace, token: string | undefined, verified: AuthInfo | undefined) {
    this.#keyspace = keyspace
    this.#token = token
    this.#verified = verified
  }

  authenticate(): void {
    const { auth, tokens } = this.#keyspace
    const known = auth.enabled && this.#token !== undefined
    this.#who = known ? tokens.bearer(this.#token, this.#verified) : undefined
  }

  authorize(method: MethodName, request: object): void {
    const { auth } = this.#keyspace
    if (auth.enabled) {
      checkAccess({ auth, who: this.#who, leases: this.#keyspace }, method, request)
    }
  }
}

/** A promise only where a JWT has to be verified. */
export function principalOf(
  keyspace: Keyspace,
  { token, asServer }: CallContext,
): Principal | Promise<Principal> {
  if (asServer === true) {
    return serverPrincipal
  }
  const verifying = token === undefined ? undefined : keyspace.tokens.verify(token)
  return verifying === undefined
    ? new Client(keyspace, token, undefined)
    : verifying.then((verified) => new Client(keyspace, token, verified))
}
