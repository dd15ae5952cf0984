import type { V2Credentials } from './v2-credentials.ts'
import type { V2Refusal } from './v2-error.ts'
import type { V2Served, V2ServiceCall } from './v2-service-call.ts'

/** The keys of clients are below it in the store, as in etcd (etcdserver.StoreKeysPrefix); v2's users are beside it. */
export const V2_KEYS_PREFIX = '/1'

/**
 * What the gateway asks a shard of etcd's v2 API. Texts are byte texts (byte-text.ts): whatever bytes a
 * client has sent.
 */
export type V2Call = V2KeysCall | V2UnreadableCall | V2ServiceCall

/** What /v2/keys is asked. */
export interface V2KeysCall {
  readonly on: 'keys'
  readonly method: V2Method
  /** Clean, below the keyspace's root: `/a/b`, or empty for the root. */
  readonly path: string
  /** With its slash at the end: what the patterns of permissions are matched with. */
  readonly askedPath: string
  readonly value: string
  readonly dir: boolean
  /** Empty for none. */
  readonly prevValue: string
  /** 0 for none. */
  readonly prevIndex: bigint
  readonly prevExist: boolean | undefined
  /** Seconds, an uint64; undefined for none. */
  readonly ttl: bigint | undefined
  readonly refresh: boolean
  readonly recursive: boolean
  readonly quorum: boolean
  readonly wait: boolean
  readonly stream: boolean
  /** 0 for the next change. */
  readonly waitIndex: bigint
  /** Whether the answer to a change leaves out what it was. */
  readonly noValueOnSuccess: boolean
  readonly credentials: V2Credentials
}

export type V2Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

/** A request that the gateway has found no request in: the shard says who may hear of it, and from which cluster. */
export interface V2UnreadableCall {
  readonly on: 'unreadable'
  readonly refusal: V2Refusal
}

/** How the store is named in the headers of an answer. */
export interface V2Header {
  readonly clusterId: bigint
  readonly etcdIndex: number
  readonly raftIndex: number
  readonly raftTerm: number
}

/** What a call comes to. */
export type V2Answer = V2Answered | V2Refused | V2Served

export interface V2Answered {
  readonly header: V2Header
  /** JSON in UTF-8. */
  readonly body: Uint8Array
  /** The key is new. */
  readonly isCreated: boolean
}

export interface V2Refused {
  readonly header: Pick<V2Header, 'clusterId'>
  readonly refusal: V2Refusal
}

/** Names, in JSON, the `V2WatchCall` that a socket to the shard is opened for. */
export const V2_WATCH_HEADER = 'X-Etcdurable-V2-Watch'

/** A GET that waits. Its numbers are decimal, since it crosses in JSON. */
export interface V2WatchCall {
  readonly path: string
  readonly askedPath: string
  readonly recursive: boolean
  readonly stream: boolean
  readonly waitIndex: string
  readonly credentials: V2Credentials
}

/**
 * The answer where the shard has no socket to open: there is an event already, or nothing to wait for.
 * With a socket it is in the header `V2_WATCH_HEADER`, without an event.
 */
export interface V2WatchAnswer {
  /** `clusterId` is in decimal, since it crosses in JSON. */
  readonly header: Omit<V2Header, 'clusterId'> & { readonly clusterId: string }
  /** In JSON; undefined where it is still to come. */
  readonly event: string | undefined
}
