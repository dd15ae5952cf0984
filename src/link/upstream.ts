import type { Call, CallContext } from '../protocol/shard-rpc.ts'
import type { RpcStatus } from '../protocol/status.ts'
import type { V2Answered, V2Refused } from '../protocol/v2-call.ts'
import type { LinkCall } from '../protocol/v2-wire.ts'

/**
 * What the gRPC server asks of a keyspace. The link (link.ts) answers it over its connection. Every
 * failure is an RpcStatus; requests and responses are protobuf, which passes through unread wherever
 * it can.
 */
export interface Upstream {
  /** Which replica serves the keyspace; undefined for its leader. */
  readonly replica?: string | undefined
  /**
   * A method with one request and one response. Resolves to the parts of the response, whose bytes in
   * a row are the message. Aborting the signal cancels the call: nobody waits for its answer.
   */
  call(call: Call, signal: AbortSignal | undefined): Promise<readonly Uint8Array[]>
  /**
   * The same for a reader, which costs less than a promise, and for methods with many responses. It may
   * be answered before this returns; a canceled one is not.
   */
  ask(call: LinkCall, reader: AnswerReader): AnswerHandle
  /** A method with one request and a stream of responses. */
  stream(call: Call, reader: StreamReader): StreamHandle
  /** Watch. The stream outlives lost links: its watches go on at their next revision. */
  watch(context: CallContext, reader: StreamReader, options: WatchOptions): WatchHandle
}

/** Who waits for the answer to a call. Told of an end once, and of nothing behind it. */
export interface AnswerReader {
  /** Nothing has been passed on that a second answer would repeat. */
  readonly repeatable: boolean
  /** A part of the answer that others follow. */
  part(bytes: Uint8Array): void
  /** The last part. */
  answered(bytes: Uint8Array): void
  /** The same of /v2/keys, where it was not encoded on its way. */
  answeredV2?(answer: V2Answered | V2Refused): void
  /** How long the whole answer is that has parts, if that was asked; the next one has not come yet. */
  measured?(answerBytes: number): void
  failed(status: RpcStatus): void
  /** The answer begins anew. */
  repeated(): void
}

export interface WatchOptions {
  /** Metadata `hasleader`: end the stream with `no leader` when the keyspace stays out of reach. */
  readonly requireLeader: boolean
}

/** Hears of a stream; nothing more after `ended`. */
export interface StreamReader {
  /** One message. Its bytes count as under way until `taken` is called for them. */
  received(message: Uint8Array): void
  /** With an RpcStatus, or undefined for a stream that ended well. */
  ended(status: Error | undefined): void
}

export interface StreamHandle {
  /** The client has taken so many bytes of messages: the shard may send more. */
  taken(bytes: number): void
  cancel(): void
}

export interface AnswerHandle extends StreamHandle {
  /** Asks how long the whole answer is of which parts have come. The reader hears of it, or of its end. */
  measure(): void
}

export interface WatchHandle extends StreamHandle {
  /** An encoded WatchRequest. */
  request(message: Uint8Array): void
}
