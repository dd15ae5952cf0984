import {
  CREDIT_WINDOW_BYTES,
  encodeEnd,
  type Frame,
  FrameKind,
  responseFrame,
} from '../protocol/frames.ts'
import type { CallAnswer, CallContext, PageCursor, ShardCall } from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { PIN_MS_MAX } from './background.ts'
import type { Asker, Calls, PagedMethod } from './calls.ts'
import type { Authority } from './door.ts'

/** What a call needs of the session it came over. */
export interface CallOut {
  /** What the session's client may, unless the call brings a token of its own. */
  readonly authority: Authority
  readonly send: (frame: Frame) => void
  /** ANSWER has been sent. */
  readonly ended: () => void
}

/**
 * A call that came in a CALL frame. A long answer leaves page by page: the next one is read when the
 * reader has credit for it, so that no more than a window of it is in memory.
 */
export class SessionCall implements Asker {
  gone = false
  readonly #calls: Calls
  readonly #call: ShardCall
  readonly #stream: number
  readonly #out: CallOut
  #next: PageCursor | undefined
  #underWay = 0
  #stalled: number | null = null
  #listener: (() => void) | undefined

  constructor(calls: Calls, call: ShardCall, stream: number, out: CallOut) {
    this.#calls = calls
    this.#call = call
    this.#stream = stream
    this.#out = out
  }

  get context(): CallContext {
    return this.#call.context
  }

  start(): void {
    this.#calls.start(this.#call, this, this.#out.authority)
  }

  answered(answer: CallAnswer): void {
    if (this.gone) {
      return
    }
    let page = answer
    while ('response' in page && page.next !== undefined) {
      this.#send(FrameKind.DATA, page.response)
      this.#underWay += page.response.length
      if (this.#underWay >= CREDIT_WINDOW_BYTES) {
        this.#wait(page.next)
        return
      }
      page = this.#calls.next(this.#call.method as PagedMethod, this.#call.request, page.next)
    }
    this.#end(page)
  }

  /** The reader has taken so many bytes of the pages sent so far. */
  credit(taken: number): void {
    this.#underWay = Math.max(0, this.#underWay - taken)
    const next = this.#next
    if (next !== undefined && this.#underWay < CREDIT_WINDOW_BYTES) {
      this.#next = undefined
      clearTimeout(this.#stalled)
      this.answered(this.#calls.next(this.#call.method as PagedMethod, this.#call.request, next))
    }
  }

  /**
   * The page's revision is pinned for a while and no longer. The timer also keeps the object in
   * memory, which would forget the call when it hibernates.
   */
  #wait(next: PageCursor): void {
    this.#next = next
    this.#stalled = setTimeout(() => {
      const { code, message } = statusOf('timeout')
      this.#end({ refused: { code, message } })
    }, PIN_MS_MAX)
  }

  #end(answer: CallAnswer): void {
    if ('refused' in answer) {
      this.#send(FrameKind.ANSWER, encodeEnd(answer.refused.code, answer.refused.message))
    } else {
      this.#out.send(responseFrame(this.#stream, answer.response))
    }
    this.#out.ended()
  }

  #send(kind: number, payload: Uint8Array): void {
    this.#out.send({ kind, stream: this.#stream, payload })
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    this.gone = true
    clearTimeout(this.#stalled)
    this.#listener?.()
  }

  whenGone(listener: () => void): void {
    this.#listener = listener
  }
}
