import { decodeEnd, encodeCall, type Frame, FrameKind } from '../protocol/frames.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import { ReaderCredit } from './reader-credit.ts'
import type { StreamReader, WatchHandle } from './upstream.ts'
import { WatchResume } from './watch-resume.ts'

const WATCH_METHOD = '/etcdserverpb.Watch/Watch'
const NO_BYTES = new Uint8Array(0)
/**
 * While a resumed watch reads the log, a request for progress is passed over: it is asked again.
 */
const PROGRESS_RETRY_MS = 100
const PROGRESS_RETRIES_MAX = 50

/** What a watch stream needs of its link. */
export interface WatchLink {
  /** A number for a stream; undefined while there is no socket. */
  openStream(watch: LinkWatch): number | undefined
  /** The stream has ended at this side. */
  closeStream(stream: number): void
  send(frame: Frame): void
  /** The watch has ended. */
  ended(watch: LinkWatch): void
}

/** The watch stream of one client. */
export class LinkWatch implements WatchHandle {
  readonly requireLeader: boolean
  readonly #context: CallContext
  readonly #reader: StreamReader
  readonly #link: WatchLink
  readonly #resume: WatchResume
  readonly #credit = new ReaderCredit()
  #stream: number | undefined
  #ended = false
  /** There is a socket, but no stream yet. */
  #waits = false
  #progressTimer: NodeJS.Timeout | undefined
  #progressRetries = 0
  /** Bytes passed on of the message under way. */
  #passed = 0

  constructor(
    link: WatchLink,
    reader: StreamReader,
    options: { readonly context: CallContext; readonly requireLeader: boolean },
  ) {
    this.requireLeader = options.requireLeader
    this.#context = options.context
    this.#link = link
    this.#reader = reader
    this.#resume = new WatchResume({
      request: (message) => this.#send(FrameKind.DATA, message),
      response: (message) => {
        this.#passed += message.length
        this.#credit.passed(message.length)
        this.#reader.received(message)
      },
      reopen: () => this.#reopen(),
    })
  }

  /** There is a socket. A client that has not taken yet what it has been sent must first do so. */
  connected(): void {
    this.#waits = this.#credit.full
    if (this.#waits) {
      return
    }
    this.#stream = this.#link.openStream(this)
    const call = { method: WATCH_METHOD, context: this.#context, request: NO_BYTES }
    this.#send(FrameKind.OPEN, encodeCall(call))
    this.#credit.reset()
    this.#resume.resume()
    this.#progressRetries = 0
    this.#progressTimer ??= setInterval(() => this.#retryProgress(), PROGRESS_RETRY_MS)
  }

  /** The socket is gone. */
  lost(): void {
    this.#stream = undefined
    this.#waits = false
    this.#resume.lost()
    this.#stopProgress()
  }

  /** What a compaction was not to cancel begins elsewhere, which takes an empty stream. */
  #reopen(): void {
    this.#close()
    this.#resume.lost()
    this.connected()
  }

  #retryProgress(): void {
    if (++this.#progressRetries > PROGRESS_RETRIES_MAX) {
      this.#stopProgress()
    } else if (this.#resume.progressWanted) {
      this.#resume.askProgress()
    }
  }

  #stopProgress(): void {
    clearInterval(this.#progressTimer)
    this.#progressTimer = undefined
  }

  /** Now and then, so that the place of a quiet watch is known not to be far behind. */
  askProgress(): void {
    this.#resume.askProgress()
  }

  request(message: Uint8Array): void {
    if (!this.#ended) {
      this.#guard(() => this.#resume.request(message))
    }
  }

  /** A DATA frame of its stream. */
  received(payload: Uint8Array): void {
    this.#passed = 0
    this.#guard(() => this.#resume.response(payload))
    // The reader gives credit for what it sees; what it does not is taken here.
    this.#give(this.#credit.give(this.#stream, payload.length - this.#passed))
  }

  /** What is no message, from either side, ends the stream as it would at the shard. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof WireError) {
        this.end(statusOf('unreadable-request'))
      } else if (error instanceof RpcStatus) {
        this.end(error)
      } else {
        throw error
      }
    }
  }

  /** An END frame of its stream. */
  refused(payload: Uint8Array): void {
    const { code, message } = decodeEnd(payload)
    this.#stream = undefined
    this.end(code === 0 ? undefined : new RpcStatus(code as Code, message))
  }

  taken(bytes: number): void {
    this.#give(this.#credit.taken(this.#stream, bytes))
    if (this.#waits && !this.#credit.full) {
      this.connected()
    }
  }

  #give(credit: Frame | undefined): void {
    if (credit !== undefined) {
      this.#link.send(credit)
    }
  }

  cancel(): void {
    if (!this.#ended) {
      this.#finish()
    }
  }

  end(status: RpcStatus | undefined): void {
    if (!this.#ended) {
      this.#finish()
      this.#reader.ended(status)
    }
  }

  #finish(): void {
    this.#ended = true
    this.#waits = false
    this.#close()
    this.#stopProgress()
    this.#link.ended(this)
  }

  #close(): void {
    if (this.#stream !== undefined) {
      this.#send(FrameKind.END, NO_BYTES)
      this.#link.closeStream(this.#stream)
      this.#stream = undefined
    }
  }

  #send(kind: number, payload: Uint8Array): void {
    if (this.#stream !== undefined) {
      this.#link.send({ kind, stream: this.#stream, payload })
    }
  }
}
