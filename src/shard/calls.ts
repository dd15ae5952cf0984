import { EngineError } from '../mvcc/errors.ts'
import { decode, encode } from '../protocol/binary.ts'
import { RangeRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallAnswer, PageCursor, Refused, ShardCall } from '../protocol/shard-rpc.ts'
import { Code, fromEngineError, RpcStatus, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import { type Caller, dispatch, unknownMethod } from './dispatch.ts'
import type { Authority } from './door.ts'
import type { Answer, Dispatch, Messages } from './handler.ts'
import { rangeNext, rangeStreamNext } from './kv.ts'
import type { Metrics } from './metrics.ts'

/** Who waits for an encoded answer. */
export interface Asker {
  readonly gone: boolean
  whenGone(listener: () => void): void
  answered(answer: CallAnswer): void
  /** Undefined where one answer is all that there can be. */
  streams?(messages: EncodedMessages): void
}

/** Messages of a stream, as in `Messages`. Throws an RpcStatus. */
export type EncodedMessages = AsyncGenerator<readonly Uint8Array[]>

/**
 * Calls as they come, over RPC or in frames: encoded, each counted in the metrics, and each
 * answered whatever happens to it. A refusal is an answer.
 */
export class Calls {
  readonly #parts: Dispatch
  readonly #metrics: Metrics

  constructor(parts: Dispatch, metrics: Metrics) {
    this.#parts = parts
    this.#metrics = metrics
  }

  /** `session` is what the call's socket may; undefined for a call over RPC, which says it itself. */
  start({ method, request, context }: ShardCall, asker: Asker, session?: Authority): void {
    const type: MessageType<object> = rpcMethods[method].request
    const caller = new StartedCall(this, this.#metrics, method, asker)
    let decoded: object
    try {
      const { door, keyspace } = this.#parts
      const authority = door.authorityOf(context, session)
      if (context.certified === true && keyspace.auth.enabled) {
        throw statusOf('certificate-by-http')
      }
      decoded = decode(type, request)
      door.admit(authority, method, decoded)
    } catch (error) {
      caller.failed(error)
      return
    }
    dispatch(this.#parts, { method, request: decoded, context }, caller)
  }

  /** A further page of a Range or RangeStream, at the revision of the first. */
  next(method: PagedMethod, request: Uint8Array, cursor: PageCursor): CallAnswer {
    try {
      const read = method === '/etcdserverpb.KV/Range' ? rangeNext : rangeStreamNext
      return this.answer(method, read(this.#parts.keyspace, decode(RangeRequest, request), cursor))
    } catch (error) {
      return refusal(error)
    }
  }

  /** As it goes to the asker. */
  answer(method: MethodName, { response, next }: Answer): CallAnswer {
    if (next !== undefined) {
      this.#parts.background.pin(next.revision)
    }
    const type: MessageType<object> = rpcMethods[method].response
    return { response: encode(type, response), next }
  }
}

/** A call on its way to its one answer, or to the messages that are it. */
class StartedCall implements Caller {
  readonly #calls: Calls
  readonly #metrics: Metrics
  readonly #method: MethodName
  readonly #asker: Asker
  readonly #started: number

  constructor(calls: Calls, metrics: Metrics, method: MethodName, asker: Asker) {
    this.#calls = calls
    this.#metrics = metrics
    this.#method = method
    this.#asker = asker
    this.#started = metrics.started(method)
  }

  get gone(): boolean {
    return this.#asker.gone
  }

  whenGone(listener: () => void): void {
    this.#asker.whenGone(listener)
  }

  answered(answer: Answer): void {
    this.#end(this.#calls.answer(this.#method, answer))
  }

  streams(messages: Messages): void {
    if (this.#asker.streams === undefined) {
      this.failed(unknownMethod(this.#method))
    } else {
      const ended = (code: Code): void => this.#metrics.ended(this.#method, this.#started, code)
      this.#asker.streams(encodedMessages(rpcMethods[this.#method].response, messages, ended))
    }
  }

  failed(error: unknown): void {
    this.#end(refusal(error))
  }

  #end(answer: CallAnswer): void {
    const code = 'refused' in answer ? answer.refused.code : Code.OK
    this.#metrics.ended(this.#method, this.#started, code)
    this.#asker.answered(answer)
  }
}

export type PagedMethod = '/etcdserverpb.KV/Range' | '/etcdserverpb.KV/RangeStream'

/** `ended` is called once, with what became of the stream. */
async function* encodedMessages(
  type: MessageType<object>,
  messages: Messages,
  ended: (code: Code) => void,
): EncodedMessages {
  let code: Code = Code.CANCELED
  try {
    for await (const turn of messages) {
      yield turn.map((message) => encode(type, message))
    }
    code = Code.OK
  } catch (error) {
    const status = statusOfError(error)
    code = status.code
    throw status
  } finally {
    ended(code)
  }
}

export function refusal(error: unknown): Refused {
  const status = statusOfError(error)
  return { refused: { code: status.code, message: status.message } }
}

function statusOfError(error: unknown): RpcStatus {
  if (error instanceof RpcStatus) {
    return error
  }
  if (error instanceof EngineError) {
    return fromEngineError(error)
  }
  if (error instanceof WireError) {
    return statusOf('unreadable-request')
  }
  // A failure that is no refusal is a defect: the log gets all of it, and the client that it is. Where
  // the platform has given up this object, its answers do not leave any more.
  // oxlint-disable-next-line no-console -- a Durable Object's log is its console
  console.error(error)
  return new RpcStatus(Code.INTERNAL, 'internal error')
}
