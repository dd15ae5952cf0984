import type { RangeCursor } from '../mvcc/range.ts'
import type { MethodName } from './methods.ts'
import type { Code } from './status.ts'

/**
 * How the gateway (and later the bridge) calls a shard. Requests, which are small, cross as plain
 * objects of the generated interfaces. Responses cross encoded, since a list of a thousand keys
 * takes less time to encode and decode than to clone. A refusal is an answer, because an error
 * loses its fields on the way.
 */
export interface ShardRpc {
  /** Any unary method, and LeaseKeepAlive one request at a time. */
  call(method: MethodName, request: object, context: CallContext): Promise<CallAnswer>
  /** A further page of a Range whose answer carried `next`; `request` is the first one's. */
  rangeNext(request: object, next: RangeCursor): Promise<CallAnswer>
  /** What /metrics shows, already true at the moment of the call. */
  metrics(): Promise<readonly MetricFamily[]>
}

export interface CallContext {
  /** Where the client reached us, such as `https://store.example.com`: MemberList answers it when no
   * --advertise-client-urls is set. */
  readonly origin: string
}

/** `response` is the protobuf of the method's response. */
export type CallAnswer =
  | { readonly response: Uint8Array; readonly next?: RangeCursor | undefined }
  | { readonly refused: { readonly code: Code; readonly message: string } }

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
