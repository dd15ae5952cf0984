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

/**
 * Decides when what is queued leaves. The first call on an idle link leaves as soon as everything
 * that arrived together with it has been read. While messages are under way calls wait, and leave
 * together with all others that have come meanwhile: the busier the link, the larger its messages
 * and the shard's commits.
 */
export class Batches {
  readonly #send: (withCalls: boolean) => number | undefined
  readonly #underWay = new Map<number, NodeJS.Timeout>()
  readonly #unanswered = new Map<number, NodeJS.Timeout>()
  #scheduled: NodeJS.Immediate | undefined

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
      const message = this.#send(
        this.#underWay.size < MESSAGES_UNDER_WAY_MAX && this.#unanswered.size < UNANSWERED_MAX,
      )
      if (message !== undefined) {
        this.#count(this.#underWay, message, UNDER_WAY_MS_MAX)
        this.#count(this.#unanswered, message, UNANSWERED_MS_MAX)
      }
    })
  }

  #count(among: Map<number, NodeJS.Timeout>, message: number, ms: number): void {
    const timer = setTimeout(() => {
      among.delete(message)
      this.queued()
    }, ms)
    among.set(message, timer)
  }

  /** A call of this message has been answered. */
  answered(message: number): void {
    for (const counted of [this.#underWay, this.#unanswered]) {
      const timer = counted.get(message)
      if (timer !== undefined) {
        clearTimeout(timer)
        counted.delete(message)
        this.queued()
      }
    }
  }

  /** The socket is gone, and what was under way with it. */
  reset(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    for (const counted of [this.#underWay, this.#unanswered]) {
      for (const timer of counted.values()) {
        clearTimeout(timer)
      }
      counted.clear()
    }
  }
}
