import type { MethodName } from '../protocol/methods.ts'
import type { AdministratorToken, CallContext } from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import type { AccessToken } from './access-token.ts'
import type { AccessTokens } from './access-tokens.ts'
import { needOf } from './need.ts'

/**
 * What whoever calls may, before etcd asks who of its users it is: what their token says, or
 * everything, as for the deployment's own secret. The server's own `link` may the same, and so may who
 * was `unasked`, because no token is asked for, but is not believed about the users of etcd that it
 * speaks for.
 */
export type Authority = AccessToken | 'everything' | 'link' | 'unasked'

/**
 * Where it is looked at who may come in. Nobody may whose authority is not stated: by the gateway, for
 * a call or for a session's socket, or by a token of this keyspace that comes with the call itself.
 */
export class Door {
  readonly #tokens: AccessTokens
  /** The administrators' tokens that the directory has told of as revoked. */
  readonly #revoked = new Set<string>()
  readonly #now: () => number
  #nextExpiry = Infinity

  /** `now` tells the time in milliseconds since 1970. */
  constructor(tokens: AccessTokens, now: () => number) {
    this.#tokens = tokens
    this.#now = now
  }

  /**
   * Of a call, whose own token comes before its session's authority. `session` is undefined for a call
   * of the gateway's. Throws an RpcStatus.
   */
  authorityOf(
    { accessToken, administrator, vouched }: CallContext,
    session?: Authority,
  ): Authority {
    if (vouched !== undefined) {
      return this.#vouched(vouched)
    }
    if (accessToken !== undefined) {
      const token = this.#tokens.verify(accessToken, this.#now())
      if (token === undefined) {
        throw statusOf('access-token-invalid')
      }
      if (session !== undefined) {
        this.expects(token)
      }
      return token
    }
    const authority = session ?? ofAdministrator(administrator)
    if (authority === undefined) {
      throw statusOf('access-token-missing')
    }
    this.requireAlive(authority)
    return authority
  }

  #vouched(id: string): Authority {
    const token = this.#tokens.get(id, this.#now())
    if (token === undefined) {
      throw statusOf('access-token-invalid')
    }
    return token
  }

  /** Throws an RpcStatus. */
  requireAlive(authority: Authority): void {
    if (!this.isAlive(authority)) {
      throw statusOf('access-token-invalid')
    }
  }

  /** When the first of those expires that are expected to, in ms since 1970; Infinity for never. */
  get nextExpiry(): number {
    return this.#nextExpiry
  }

  /** Something lasts as long as the authority does. */
  expects(authority: Authority): void {
    if (typeof authority !== 'string') {
      this.#nextExpiry = Math.min(this.#nextExpiry, authority.expires ?? Infinity)
    }
  }

  expectsNothing(): void {
    this.#nextExpiry = Infinity
  }

  isAlive(authority: Authority): boolean {
    if (typeof authority === 'string') {
      return true
    }
    return authority.access === 'administrator'
      ? !this.#revoked.has(authority.id) && (authority.expires ?? Infinity) > this.#now()
      : this.#tokens.isAlive(authority, this.#now())
  }

  /** Throws an RpcStatus where that is a call to write with a token to read. */
  admit(authority: Authority, method: MethodName, request: object): void {
    if (isReadOnly(authority) && needOf(method, request) === 'write') {
      throw statusOf('access-read-only')
    }
  }

  /** The same for what is no method, and writes. */
  requireWrite(authority: Authority): void {
    if (isReadOnly(authority)) {
      throw statusOf('access-read-only')
    }
  }

  /** What `remembered` has made of an authority. Where its token is no more, it is a dead one. */
  recalled(memory: string): Authority {
    if (memory === 'everything' || memory === 'unasked') {
      return memory
    }
    const [id = '', expires] = memory.split(' ')
    return expires === undefined
      ? (this.#tokens.get(id, this.#now()) ?? dead(id))
      : ofToken({ id, expires: expires === '' ? undefined : Number(expires) })
  }

  /** What a socket remembers of an authority while the object is not in memory. */
  remembered(authority: Authority): string {
    if (typeof authority === 'string') {
      return authority
    }
    const { id, access, expires } = authority
    return access === 'administrator' ? `${id} ${expires ?? ''}` : id
  }

  revokeAdministrator(id: string): void {
    this.#revoked.add(id)
  }
}

/**
 * Whether a socket of theirs outlives the object's memory. The server's own link does not: hibernation
 * would save nothing on a machine of one's own, and each message would take longer.
 */
export function hibernates(authority: Authority): boolean {
  return authority !== 'link'
}

/** Whether a session may say which certificates its users have shown. */
export function trustsCommonNames(authority: Authority): boolean {
  return typeof authority === 'string' ? authority !== 'unasked' : authority.commonNames
}

function isReadOnly(authority: Authority): boolean {
  return typeof authority !== 'string' && authority.access === 'read-only'
}

function ofAdministrator(stated: CallContext['administrator']): Authority | undefined {
  if (stated === true) {
    return 'everything'
  }
  return typeof stated === 'object' ? ofToken(stated) : stated
}

function ofToken({ id, expires }: AdministratorToken): AccessToken {
  return { id, expires, access: 'administrator', commonNames: true, description: '', created: 0 }
}

function dead(id: string): AccessToken {
  return { ...ofToken({ id, expires: 0 }), access: 'read-only', commonNames: false }
}
