import type { KeyspaceOptions } from '../config/keyspace-options.ts'
import type { RangeCursor } from '../mvcc/range.ts'
import type { Revision } from '../mvcc/types.ts'
import type { MethodName } from './methods.ts'
import type { Code } from './status.ts'

/**
 * How the gateway calls a shard; a bridge says the same in frames (frames.ts). Requests and responses
 * cross encoded, since a list of a thousand keys takes less time to encode and decode than to clone. A
 * refusal is an answer, because an error loses its fields on the way.
 */
export interface ShardRpc {
  /**
   * Calls of any unary method, and of LeaseKeepAlive one request at a time. They go in their order,
   * and their answers are in the same order; each of them succeeds or fails by itself.
   */
  callMany(calls: readonly ShardCall[]): Promise<readonly CallAnswer[]>
  /** A further page of a Range whose answer carried `next`; `request` is the first one's. */
  rangeNext(request: Uint8Array, next: PageCursor): Promise<CallAnswer>
  /** What /metrics shows, already true at the moment of the call; undefined without a keyspace. */
  metrics(): Promise<readonly MetricFamily[] | undefined>
  /** Makes the keyspace. Doing it twice is doing it once, unless the object is lost at it. */
  create(creation: Creation): Promise<void>
  /**
   * Frees the storage and ends all calls, streams and sockets. The object is lost at it, and so is
   * this call; one that comes back has found nothing to free.
   */
  destroy(): Promise<void>
}

/** What the shard keeps of how its keyspace was made. */
export interface Creation extends Pick<
  KeyspaceOptions,
  'quotaBackendBytes' | 'autoCompactionMode' | 'autoCompactionRetention'
> {
  /** Milliseconds since 1970; tells the keyspace from an earlier one of the same name. */
  readonly created: number
}

export interface ShardCall {
  readonly method: MethodName
  /** The protobuf of the method's request. */
  readonly request: Uint8Array
  readonly context: CallContext
}

export interface CallContext {
  /** Where the client reached us, such as `https://store.example.com`: MemberList answers it when no
   * --advertise-client-urls is set. */
  readonly origin?: string | undefined
  /** etcd's token, as `shownToken` has it; undefined where the client has shown none. */
  readonly token?: string | undefined
  /** The server's own question, as /health asks: nobody is asked who they are. */
  readonly asServer?: boolean | undefined
}

/** `response` is the protobuf of the method's response, or its first part where there is `next`. */
export type CallAnswer =
  | { readonly response: Uint8Array; readonly next?: PageCursor | undefined }
  | { readonly refused: { readonly code: Code; readonly message: string } }

/** Where the next page of a range begins; opaque to who passes it back. */
export interface PageCursor extends RangeCursor {
  /** Of a RangeStream, whose last message tells what the first page has found. */
  readonly begun?: { readonly revision: Revision; readonly count: number }
}

/** A family of Prometheus' text format. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly MetricSample[]
}

export interface MetricSample {
  /** Behind the family's name: '' or, of histograms, `_bucket`, `_sum`, `_count`. */
  readonly suffix: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
