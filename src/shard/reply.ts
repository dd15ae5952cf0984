import { EngineError } from '../mvcc/errors.ts'
import { encode } from '../protocol/binary.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { Outcome, PageCursor, Refused } from '../protocol/shard-rpc.ts'
import { Code, fromEngineError, RpcStatus, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import type { BackgroundWork } from './background.ts'
import type { Metrics } from './metrics.ts'
import type { Page } from './page.ts'

/** Who waits for what a call answers. */
export interface Caller {
  /** Nobody waits any more: what has not begun need not. */
  readonly gone: boolean
  /** Called when that happens. */
  whenGone(listener: () => void): void
  /** Called once, and in the turn of the commit for what has written. */
  answered(answer: Outcome): void
  /**
   * Called instead where the answer is a stream, which the caller reads to its end, or closes.
   * Undefined where one answer is all that there can be.
   */
  streams?(messages: EncodedMessages): void
}

/**
 * Messages of the method's response type, those of a turn together. They are made when they are asked
 * for, and are good until the next ones are.
 */
export type Messages = AsyncGenerator<readonly object[]>

/** Messages of a stream, as in `Messages`. Throws an RpcStatus. */
export type EncodedMessages = AsyncGenerator<readonly Uint8Array[]>

/**
 * A call's way back: whatever it comes to is encoded, counted in the metrics, and told to the caller
 * once. A refusal is an answer.
 */
export class Reply {
  readonly #method: MethodName
  readonly #caller: Caller
  readonly #metrics: Metrics
  readonly #background: BackgroundWork
  readonly #started: number

  constructor(method: MethodName, caller: Caller, metrics: Metrics, background: BackgroundWork) {
    this.#method = method
    this.#caller = caller
    this.#metrics = metrics
    this.#background = background
    this.#started = metrics.started(method)
  }

  get gone(): boolean {
    return this.#caller.gone
  }

  whenGone(listener: () => void): void {
    this.#caller.whenGone(listener)
  }

  /** `response` is of the method's type, or its first page. */
  answered(response: object, next?: PageCursor): void {
    this.#end(encodedPage(this.#method, { response, next }, this.#background), Code.OK)
  }

  streams(messages: Messages): void {
    if (this.#caller.streams === undefined) {
      this.failed(unknownMethod(this.#method))
    } else {
      const ended = (code: Code): void => this.#metrics.ended(this.#method, this.#started, code)
      this.#caller.streams(encodedMessages(rpcMethods[this.#method].response, messages, ended))
    }
  }

  failed(error: unknown): void {
    const { refused } = refusal(error)
    this.#end({ refused }, refused.code)
  }

  #end(answer: Outcome, code: Code): void {
    this.#metrics.ended(this.#method, this.#started, code)
    this.#caller.answered(answer)
  }
}

/** What is still to be read of a page's answer is kept for it. */
export function encodedPage(
  method: MethodName,
  { response, next }: Page,
  background: BackgroundWork,
): Outcome {
  if (next !== undefined) {
    background.pin(next.revision)
  }
  const type: MessageType<object> = rpcMethods[method].response
  return { response: encode(type, response), next }
}

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

/** What is answered over a session alone is not known elsewhere. */
export function unknownMethod(name: MethodName): RpcStatus {
  const { service, method } = rpcMethods[name]
  return new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${method} for service ${service}`)
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
