import {
  CREDIT_WINDOW_BYTES,
  encodeEnd,
  encodeLength,
  FrameKind,
  responseFrame,
} from '../../protocol/frames.ts'
import type { Outcome, CallContext, Call, PageCursor } from '../../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../../protocol/status.ts'
import type { CallsIn, PagedMethod } from '../calls.ts'
import { nextTurn } from '../commit.ts'
import { OPEN_MS_MAX } from '../open-ranges.ts'
import type { Caller, EncodedMessages } from '../reply.ts'
import type { SessionOut } from './session-out.ts'

const NO_BYTES = new Uint8Array(0)
/** Of parts that leave in one turn: each is copied into a message. */
const TURN_BYTES_MAX = 512 * 1024

/**
 * Who waits for a call that came in a CALL frame. A long answer leaves page by page: the next one is read when the
 * reader has credit for it, so that no more than a window of it is in memory, and in a turn of its own.
 */
export class SessionCaller implements Caller {
  gone = false
  readonly #calls: CallsIn
  readonly #call: Call
  readonly #stream: number
  readonly #out: SessionOut
  /** What goes on when the reader has credit again. */
  #resume: (() => void) | undefined
  /** Of an answer in pages. */
  #next: PageCursor | undefined
  /** Where the pages behind it are measured. */
  #measuring: PageCursor | undefined
  #length: 'unasked' | 'asked' | 'said' = 'unasked'
  #sentBytes = 0
  #underWay = 0
  #stalled: number | null = null
  #listener: (() => void) | undefined

  constructor(calls: CallsIn, call: Call, stream: number, out: SessionOut) {
    this.#calls = calls
    this.#call = call
    this.#stream = stream
    this.#out = out
  }

  get context(): CallContext {
    return this.#call.context
  }

  answered(page: Outcome): void {
    if (this.gone) {
      return
    }
    if ('refused' in page || page.next === undefined) {
      this.#end(page)
      return
    }
    if (page.response.length > 0) {
      this.#sendData(page.response, true)
    }
    this.#next = page.next
    this.#goOn(page.next)
  }

  /** Who reads has them all in the end, so they wait for no credit: only for turns of their own. */
  answeredInParts(parts: readonly Uint8Array[]): void {
    void this.#sendParts(parts)
  }

  async #sendParts(parts: readonly Uint8Array[]): Promise<void> {
    let turnBytes = 0
    for (const part of parts) {
      if (this.gone) {
        return
      }
      this.#sendData(part, false)
      turnBytes += part.length
      if (turnBytes >= TURN_BYTES_MAX) {
        turnBytes = 0
        await nextTurn()
      }
    }
    this.#end({ response: NO_BYTES })
  }

  /** With the length when that is asked for, which needs no credit, or with a page. */
  #goOn(next: PageCursor): void {
    if (this.#underWay >= CREDIT_WINDOW_BYTES && this.#length !== 'asked') {
      this.#wait(() => this.#goOn(next))
      return
    }
    this.#calls.later(() => {
      if (this.gone) {
        return
      }
      if (this.#length === 'asked') {
        this.#measuring = this.#calls.beginMeasuring(next)
        this.#measure(this.#measuring, next, this.#sentBytes)
      } else {
        const method = this.#call.method as PagedMethod
        this.answered(this.#calls.next(method, this.#call.request, next))
      }
    })
  }

  /** The reader wants to know how long the whole answer is. */
  measure(): void {
    if (this.#length !== 'unasked' || this.#call.method !== '/etcdserverpb.KV/Range') {
      return
    }
    this.#length = 'asked'
    const resume = this.#resume
    if (resume !== undefined) {
      this.#resume = undefined
      clearTimeout(this.#stalled)
      resume()
    }
  }

  #measure(cursor: PageCursor, next: PageCursor, bytesBefore: number): void {
    const measured = this.#calls.measure(this.#call.request, cursor, next)
    if ('refused' in measured) {
      this.#measuring = undefined
      this.#end(measured)
      this.#calls.end(next)
      return
    }
    const bytes = bytesBefore + measured.bytes
    const behind = measured.next
    this.#measuring = behind
    if (behind === undefined) {
      this.#length = 'said'
      this.#send(FrameKind.LENGTH, encodeLength(bytes))
      this.#goOn(next)
    } else {
      this.#calls.later(() => {
        if (!this.gone) {
          this.#measure(behind, next, bytes)
        }
      })
    }
  }

  streams(messages: EncodedMessages): void {
    void this.#sendAll(messages)
  }

  async #sendAll(messages: EncodedMessages): Promise<void> {
    try {
      for await (const turn of messages) {
        if (this.gone) {
          return
        }
        turn.forEach((message) => this.#sendData(message, false))
        if (this.#underWay >= CREDIT_WINDOW_BYTES) {
          await new Promise<void>((resolve) => this.#wait(resolve))
        }
      }
      this.#end({ response: NO_BYTES })
    } catch (error) {
      if (!(error instanceof RpcStatus)) {
        throw error
      }
      this.#end({ refused: { code: error.code, message: error.message } })
    }
  }

  /** The reader has taken so many bytes of the pages sent so far. */
  credit(taken: number): void {
    this.#underWay = Math.max(0, this.#underWay - taken)
    const resume = this.#resume
    if (resume !== undefined && this.#underWay < CREDIT_WINDOW_BYTES) {
      this.#resume = undefined
      clearTimeout(this.#stalled)
      resume()
    }
  }

  /**
   * What is still to be read is kept for a while and no longer. The timer also keeps the object in
   * memory, which would forget the call when it hibernates.
   */
  #wait(resume: () => void): void {
    this.#resume = resume
    this.#stalled = setTimeout(() => {
      const { code, message } = statusOf('timeout')
      this.#end({ refused: { code, message } })
      this.cancel()
    }, OPEN_MS_MAX)
  }

  #end(answer: Outcome): void {
    if (this.gone) {
      return
    }
    if ('refused' in answer) {
      this.#send(FrameKind.ANSWER, encodeEnd(answer.refused.code, answer.refused.message))
    } else {
      this.#out.sendSoon(responseFrame(this.#stream, answer.response))
    }
    this.#out.ended(this.#stream)
  }

  #sendData(payload: Uint8Array, hasRoom: boolean): void {
    this.#underWay += payload.length
    this.#sentBytes += payload.length
    this.#out.sendSoon({ kind: FrameKind.DATA, stream: this.#stream, payload, hasRoom })
  }

  #send(kind: number, payload: Uint8Array): void {
    this.#out.sendSoon({ kind, stream: this.#stream, payload })
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    this.gone = true
    clearTimeout(this.#stalled)
    if (this.#next !== undefined) {
      this.#calls.end(this.#next)
    }
    if (this.#measuring !== undefined) {
      this.#calls.end(this.#measuring)
    }
    this.#listener?.()
    // A stream that waits for credit is ended by itself.
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  whenGone(listener: () => void): void {
    this.#listener = listener
  }
}
