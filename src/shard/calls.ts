import type { Authority } from '../door/door.ts'
import type { Revision } from '../mvcc/types.ts'
import { decode } from '../protocol/binary.ts'
import { RangeRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { Outcome, PageCursor, Call, CallContext, Refused } from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { handlerOf } from './methods/handlers.ts'
import { measureNext, rangeNext } from './methods/kv.ts'
import { rangeStreamNext } from './methods/range-stream.ts'
import type { Metrics } from './metrics.ts'
import { type Caller, encodedPage, refusal, Reply, unknownMethod } from './reply.ts'
import { type Parts, run } from './run.ts'

/**
 * Where calls come in, over RPC or in frames: encoded, each counted in the metrics, and each answered
 * whatever happens to it.
 */
export class Calls {
  readonly #parts: Parts
  readonly #metrics: Metrics

  constructor(parts: Parts, metrics: Metrics) {
    this.#parts = parts
    this.#metrics = metrics
  }

  /** `session` is what the call's socket may; undefined for a call over RPC, which says it itself. */
  start(call: Call, caller: Caller, session?: Authority): void {
    const { minRevision } = call.context
    const { store } = this.#parts.keyspace
    const isAhead = minRevision !== undefined && minRevision > store.revision
    if (isAhead && this.#mayCome(call.context, session)) {
      void this.#startBehind(minRevision, { call, caller, session })
    } else {
      this.#start(call, caller, session)
    }
  }

  #mayCome(context: CallContext, session: Authority | undefined): boolean {
    try {
      this.#parts.door.authorityOf(context, session)
      return true
    } catch {
      // It is refused, and counted, without waiting.
      return false
    }
  }

  /** What only a later revision may answer waits for it, as long as etcd's requests do. */
  async #startBehind(
    revision: Revision,
    { call, caller, session }: { call: Call; caller: Caller; session: Authority | undefined },
  ): Promise<void> {
    const isThere = await this.#parts.revisions.wait(revision)
    if (!isThere) {
      caller.answered(refusal(statusOf('timeout')))
    } else if (!caller.gone) {
      this.#start(call, caller, session)
    }
  }

  #start({ method, request, context }: Call, caller: Caller, session?: Authority): void {
    const { door, keyspace, background } = this.#parts
    const type: MessageType<object> = rpcMethods[method].request
    const metrics = this.#metrics.ofCall(method, context, session)
    metrics.receive(request.length)
    const member = context.node && keyspace.nodes?.idOf(context.node)
    const reply = new Reply(metrics, caller, { metrics: this.#metrics, background, member })
    let decoded: object
    try {
      const authority = door.authorityOf(context, session)
      if (context.certified === true && keyspace.auth.enabled) {
        throw statusOf('certificate-by-http')
      }
      decoded = decode(type, request)
      door.admit(authority, method, decoded)
    } catch (error) {
      reply.failed(error)
      return
    }
    const handler = handlerOf(method)
    if (handler === undefined) {
      reply.failed(unknownMethod(method))
    } else {
      run(this.#parts, { method, handler, request: decoded, context }, reply)
    }
  }

  /** Reads when it is the turn of a further page. */
  later(read: () => void): void {
    this.#parts.turns.wait(read)
  }

  /** A further page of a Range or RangeStream, at the revision of the first. */
  next(method: PagedMethod, request: Uint8Array, cursor: PageCursor): Outcome {
    const { keyspace, background } = this.#parts
    try {
      const metrics = this.#metrics.of(method)
      const isStream = method === '/etcdserverpb.KV/RangeStream'
      const read = isStream ? rangeStreamNext : rangeNext
      const page = read(keyspace, decode(RangeRequest, request), cursor)
      const next = page.next && { ...page.next, open: cursor.open }
      if (next === undefined) {
        this.end(cursor)
      }
      if (isStream) {
        metrics.sent++
      }
      return encodedPage(metrics, { ...page, next }, background)
    } catch (error) {
      this.end(cursor)
      return refusal(error)
    }
  }

  /** The first cursor by which the pages of a Range behind one of its cursors are measured. */
  beginMeasuring(cursor: PageCursor): PageCursor {
    return this.#parts.background.keep({ ...cursor, order: undefined, open: undefined })
  }

  /** A step of that, while the pages themselves wait at `waiting`. */
  measure(request: Uint8Array, cursor: PageCursor, waiting: PageCursor): Measured {
    const { keyspace, background } = this.#parts
    try {
      const step = measureNext(keyspace, decode(RangeRequest, request), cursor)
      background.keep(waiting)
      if (step.next === undefined) {
        this.end(cursor)
        return { bytes: step.bytes }
      }
      return { bytes: step.bytes, next: background.keep({ ...step.next, open: cursor.open }) }
    } catch (error) {
      this.end(cursor)
      return refusal(error)
    }
  }

  /** Nobody reads the pages that are still to come. */
  end(cursor: PageCursor): void {
    this.#parts.background.release(cursor)
  }
}

/** What those who have a call ask: over RPC, or in frames. */
export type CallsIn = Pick<Calls, 'start' | 'later' | 'next' | 'beginMeasuring' | 'measure' | 'end'>

/** The encoded length of some pages, and where those behind them begin. */
export type Measured = Refused | { readonly bytes: number; readonly next?: PageCursor }

export type PagedMethod = '/etcdserverpb.KV/Range' | '/etcdserverpb.KV/RangeStream'
