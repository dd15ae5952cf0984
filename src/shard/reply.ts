import { EngineError, type ErrorKind } from '../mvcc/errors.ts'
import { joinedBytes } from '../mvcc/joined-bytes.ts'
import { type PackedPage, releasePage } from '../mvcc/packed-page.ts'
import { encode, encodeBehind } from '../protocol/binary.ts'
import { HEAD_BYTES } from '../protocol/frames.ts'
import type { ResponseHeader } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import { encodePackedRange } from '../protocol/packed-range.ts'
import type { Outcome, Refused } from '../protocol/shard-rpc.ts'
import { Code, fromEngineError, RpcStatus, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import type { BackgroundWork } from './background.ts'
import type { Durations, MethodMetrics } from './method-metrics.ts'
import type { Metrics } from './metrics.ts'
import type { AnyPage } from './page.ts'

/** Who waits for what a call answers. */
export interface Caller {
  /** Nobody waits any more: what has not begun need not. */
  readonly gone: boolean
  /** Called when that happens. */
  whenGone(listener: () => void): void
  /** Called once, and in the turn of the commit for what has written. */
  answered(answer: Outcome): void
  /** The same for parts of an answer, which may leave one by one. */
  answeredInParts?(parts: readonly Uint8Array[]): void
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

/** What etcd refuses before it proposes a request, and so does not measure. */
const unproposed: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'empty-key',
  'value-provided',
  'lease-provided',
  'too-many-ops',
  'duplicate-key',
  'request-too-large',
  'invalid-auth-token',
  'auth-old-revision',
])

export interface ReplyParts {
  readonly metrics: Metrics
  readonly background: BackgroundWork
  /** The member that the client has asked; undefined for the one that has the keyspace. */
  readonly member: bigint | undefined
}

/**
 * A call's way back: whatever it comes to is encoded, counted in the metrics, and told to the caller
 * once. A refusal is an answer.
 */
export class Reply {
  readonly #method: MethodMetrics
  readonly #caller: Caller
  readonly #metrics: Metrics
  readonly #background: BackgroundWork
  readonly #begun: number
  /** The member that answers, where that is not the one which has the keyspace. */
  readonly #member: bigint | undefined
  #requests: Durations | undefined
  /** What it waits for behind its turn, where it was carried out in one. */
  #commitMs: number | undefined

  constructor(method: MethodMetrics, caller: Caller, { metrics, background, member }: ReplyParts) {
    this.#method = method
    this.#caller = caller
    this.#metrics = metrics
    this.#background = background
    this.#member = member
    this.#requests = method.requests
    this.#begun = method.begin()
  }

  get isProposed(): boolean {
    return this.#method.isProposed
  }

  get gone(): boolean {
    return this.#caller.gone
  }

  whenGone(listener: () => void): void {
    this.#caller.whenGone(listener)
  }

  /** `response` is of the method's type. */
  answered(response: object): void {
    this.answeredPage({ response })
  }

  answeredPage(first: AnyPage): void {
    let page: Outcome
    try {
      page = encodedPage(this.#method, answeredBy(this.#member, first), this.#background)
      if ('behind' in first && first.behind !== undefined && 'response' in page) {
        this.#endInParts([page.response, ...first.behind])
        return
      }
    } catch (error) {
      this.failed(error)
      return
    }
    if (this.#method.streaming !== 'unary') {
      this.#method.sent++
    }
    this.#end(page, Code.OK)
  }

  /** A write was carried out in so many milliseconds. */
  applied(ms: number): void {
    this.#applied(ms, undefined)
    this.#commitMs = this.#metrics.commitMs
  }

  /** So many milliseconds were spent on what etcd proposes, and nothing was written. */
  appliedInVain(ms: number, error?: unknown): void {
    const kind = error instanceof EngineError ? error.kind : undefined
    if (error === undefined || (kind !== undefined && !unproposed.has(kind))) {
      this.#applied(ms, kind)
    }
  }

  #applied(ms: number, kind: ErrorKind | undefined): void {
    this.#commitMs = 0
    // etcd takes the compaction of what is compacted for a success.
    this.#method.applies?.observe(ms, kind === undefined || kind === 'compacted')
    this.#metrics.applied(ms)
    if (this.#method.name === '/etcdserverpb.KV/Compact' && kind === undefined) {
      this.#metrics.indexCompactionPauses.observe(ms)
    }
  }

  /** etcd measures such transactions apart, and does not propose them. */
  appliedReadOnly(ms: number): void {
    this.#commitMs = 0
    this.#requests = this.#metrics.readOnlyTxns
    this.#metrics.applied(ms)
  }

  /** Nobody waits any more, and nothing was done. */
  dropped(): void {
    this.#method.ended(Code.CANCELED, performance.now() - this.#begun)
  }

  streams(messages: Messages): void {
    if (this.#caller.streams === undefined) {
      this.failed(unknownMethod(this.#method.name))
    } else {
      const ended = (code: Code): void => this.#method.ended(code, performance.now() - this.#begun)
      this.#caller.streams(encodedMessages(this.#method, messages, ended))
    }
  }

  /** After `appliedMs` of a request that was to be carried out. */
  failed(error: unknown, appliedMs?: number): void {
    const { refused } = refusal(error)
    if (appliedMs !== undefined) {
      this.appliedInVain(appliedMs, error)
    }
    this.#end({ refused }, refused.code)
  }

  #endInParts(parts: readonly Uint8Array[]): void {
    for (const part of parts.slice(1)) {
      this.#method.sentBytes += part.length
    }
    if (this.#caller.answeredInParts === undefined) {
      this.#end({ response: joinedBytes(parts) }, Code.OK)
    } else {
      this.#ended(Code.OK)
      this.#caller.answeredInParts(parts)
    }
  }

  #end(answer: Outcome, code: Code): void {
    this.#ended(code)
    this.#caller.answered(answer)
  }

  #ended(code: Code): void {
    const ms = performance.now() - this.#begun
    this.#method.ended(code, ms)
    if (this.#commitMs !== undefined) {
      // What etcd proposes is a success as soon as it is applied, whatever comes of it.
      this.#requests?.observe(ms + this.#commitMs, true)
    } else if (this.#method.isRange && code !== Code.INVALID_ARGUMENT) {
      this.#metrics.rangeSeconds.observe(ms, code === Code.OK)
      this.#metrics.applied(ms)
      this.#requests?.observe(ms, code === Code.OK)
    }
  }
}

/** The page with the header of the member that the client has asked. */
function answeredBy(member: bigint | undefined, page: AnyPage): AnyPage {
  if (member === undefined) {
    return page
  }
  if ('packed' in page) {
    return { ...page, header: page.header && { ...page.header, memberId: member } }
  }
  const { header } = page.response as { readonly header?: ResponseHeader | undefined }
  return header === undefined
    ? page
    : { ...page, response: { ...page.response, header: { ...header, memberId: member } } }
}

/** What is still to be read of a page's answer is kept for it. A page that others follow has room for its frame's head. */
export function encodedPage(
  method: MethodMetrics,
  page: AnyPage,
  background: BackgroundWork,
): Outcome {
  const { next } = page
  const roomBytes = next === undefined ? 0 : HEAD_BYTES
  const type: MessageType<object> = rpcMethods[method.name].response
  const encoded =
    'packed' in page
      ? encodedRows(roomBytes, page.header, page.packed)
      : encodeBehind(roomBytes, type, page.response)
  method.sentBytes += encoded.length
  return { response: encoded, next: next && background.keep(next) }
}

/** Nobody looks at the rows any more: what SQLite has answered goes before V8 has to look for it. */
function encodedRows(
  roomBytes: number,
  header: ResponseHeader | undefined,
  packed: PackedPage,
): Uint8Array {
  const encoded = encodePackedRange(roomBytes, header, packed)
  releasePage(packed)
  return encoded
}

/** `ended` is called once, with what became of the stream. */
async function* encodedMessages(
  method: MethodMetrics,
  messages: Messages,
  ended: (code: Code) => void,
): EncodedMessages {
  const type: MessageType<object> = rpcMethods[method.name].response
  let code: Code = Code.CANCELED
  try {
    for await (const turn of messages) {
      yield turn.map((message) => {
        const encoded = encode(type, message)
        method.send(encoded.length)
        return encoded
      })
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
