/** Messages with calls that may be unanswered before the next one waits for an answer. */
const MESSAGES_UNDER_WAY_MAX = 2
/**
 * A message counts as under way for so long, answered or not: one slow call must not hold up others,
 * and an upstream far away would cost every call a round trip of waiting. Commits of a local disk take
 * less, so that calls gather for as long as one takes.
 */
const UNDER_WAY_MS_MAX = 10
/** Further messages may leave meanwhile, so many: a shard that is behind is not to be buried. */
const UNANSWERED_MAX = 8
/** Unless its calls are of the kind that is answered some day, such as a lock's. */
const UNANSWERED_MS_MAX = 1000

interface Sent {
  readonly message: number
  /** By `performance.now()`. */
  readonly at: number
}

/**
 * Decides when what is queued leaves. The first call on an idle link leaves as soon as everything
 * that arrived together with it has been read. While messages are under way calls wait, and leave
 * together with all others that have come meanwhile: the busier the link, the larger its messages
 * and the shard's commits.
 */
export class Batches {
  readonly #send: (withCalls: boolean) => number | undefined
  /** First the oldest. */
  #unanswered: Sent[] = []
  #scheduled: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  /**
   * `send` sends what is queued, with as many calls as it likes or with none; it answers the number
   * of a message that calls are in.
   */
  constructor(send: (withCalls: boolean) => number | undefined) {
    this.#send = send
  }

  /** There is something to be sent. */
  queued(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined
      this.#leave()
    })
  }

  #leave(): void {
    const now = performance.now()
    const wait = this.#roomAt() - now
    const message = this.#send(wait <= 0)
    if (message !== undefined) {
      this.#unanswered = this.#unanswered.filter(({ at }) => now - at < UNANSWERED_MS_MAX)
      this.#unanswered.push({ message, at: now })
    } else if (wait > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.queued()
      }, wait)
    }
  }

  /** When another message may leave, if none is answered before. */
  #roomAt(): number {
    const underWay = this.#unanswered.at(-MESSAGES_UNDER_WAY_MAX)?.at ?? -Infinity
    const unanswered = this.#unanswered.at(-UNANSWERED_MAX)?.at ?? -Infinity
    return Math.max(underWay + UNDER_WAY_MS_MAX, unanswered + UNANSWERED_MS_MAX)
  }

  /** A call of this message has been answered: there may be room for those that wait. */
  answered(message: number): void {
    const place = this.#unanswered.findIndex((sent) => sent.message === message)
    if (place >= 0) {
      this.#unanswered.splice(place, 1)
    }
  }

  /** The socket is gone, and what was under way with it. */
  reset(): void {
    clearImmediate(this.#scheduled)
    clearTimeout(this.#timer)
    this.#scheduled = undefined
    this.#timer = undefined
    this.#unanswered = []
  }
}
