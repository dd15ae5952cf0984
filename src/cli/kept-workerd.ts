import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from './failure.ts'
import type { Log } from './log.ts'
import type { Workerd } from './workerd.ts'

/** How often in a row it may end before it is given up. */
const ENDS_MAX = 5
/** Twice as long each time. */
const FIRST_PAUSE_MS = 100
const PAUSE_MS_MAX = 5_000
/** One that has run as long counts as the first again. */
const STEADY_MS = 60_000
/**
 * How often one that is patient is started until it serves for the first time, and the first pause between: one
 * that was killed before may hold its port for five seconds more.
 */
const STARTS_MAX = 5
const START_PAUSE_MS = 500

export interface KeptWorkerdOptions {
  readonly log: Log
  /** Makes the process. */
  readonly spawn: () => Workerd
  /** Waits until it serves; rejects with a Failure where it does not. */
  readonly untilServing: (workerd: Workerd) => Promise<void>
  /** Whether it may end as often as it likes: that of a node which the cluster's bucket is away for does. */
  readonly isPatient: boolean
  /** From then on an end is meant. */
  readonly stopped: Promise<void>
}

/**
 * A workerd that is started again when it ends by itself. Nothing is lost by its end but what was under
 * way: what was acknowledged is on disk, and the link comes back to the same sockets.
 */
export class KeptWorkerd {
  readonly #options: KeptWorkerdOptions
  readonly #ended = Promise.withResolvers<never>()
  readonly #stopping = new AbortController()
  #workerd: Workerd
  #serving: PromiseWithResolvers<void> | undefined
  #ends = 0
  #isReplaced = false

  /** Resolves when it serves for the first time. Rejects with a Failure where that fails. */
  static async start(options: KeptWorkerdOptions): Promise<KeptWorkerd> {
    const kept = new KeptWorkerd(options)
    try {
      await Promise.race([options.stopped, kept.#untilFirstServing()])
    } catch (error) {
      await kept.stop()
      throw error
    }
    kept.#keep().catch((error: unknown) => kept.#ended.reject(error))
    return kept
  }

  private constructor(options: KeptWorkerdOptions) {
    this.#options = options
    this.#workerd = options.spawn()
    // Ctrl-C reaches workerd too; our own signal still comes before the news of its end.
    void options.stopped.then(() => this.#stopping.abort())
    // Until somebody waits for it.
    this.#ended.promise.catch(() => undefined)
  }

  /** Rejects with a Failure when it is given up. */
  get ended(): Promise<never> {
    return this.#ended.promise
  }

  /** Undefined while it serves; else resolves when it does again, and never if it does not. */
  get servesAgain(): Promise<void> | undefined {
    return this.#serving?.promise
  }

  /** Ends it, which hands over what it has to other nodes, and starts the next one as soon as it is gone. */
  replace(): void {
    if (!this.#isReplaced) {
      this.#isReplaced = true
      void this.#workerd.stop()
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#workerd.stop()
  }

  /**
   * To join a cluster takes several requests to the bucket, and workerd ends when one of them has no answer. It does
   * so too when it has sent its record twice, and finds the first one there.
   */
  async #untilFirstServing(): Promise<void> {
    const { log, isPatient, untilServing, spawn, stopped } = this.#options
    for (let starts = 1; ; starts++) {
      try {
        await untilServing(this.#workerd)
        return
      } catch (error) {
        if (!isPatient || starts === STARTS_MAX || !this.#workerd.hasEnded) {
          throw error
        }
        const pauseMs = START_PAUSE_MS * 2 ** (starts - 1)
        const why = error instanceof Failure ? error.message : String(error)
        log.write('warn', `${why}; it is started again`, { 'pause-ms': pauseMs })
        await Promise.race([sleep(pauseMs), stopped])
      }
      if (this.#stopping.signal.aborted) {
        return
      }
      this.#workerd = spawn()
    }
  }

  async #keep(): Promise<void> {
    for (;;) {
      const began = performance.now()
      const how = await this.#workerd.exited
      if (this.#stopping.signal.aborted) {
        return
      }
      if (this.#isReplaced) {
        this.#isReplaced = false
        await this.#startAgain(how, 0)
        continue
      }
      this.#ends = performance.now() - began > STEADY_MS ? 1 : this.#ends + 1
      if (this.#ends > ENDS_MAX && !this.#options.isPatient) {
        this.#ended.reject(new Failure(`workerd ${how}, for the ${this.#ends}th time in a row`))
        return
      }
      await this.#startAgain(how, Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (this.#ends - 1)))
    }
  }

  async #startAgain(how: string, pauseMs: number): Promise<void> {
    const { log, spawn, untilServing } = this.#options
    this.#serving ??= Promise.withResolvers<void>()
    log.write(pauseMs === 0 ? 'info' : 'warn', `workerd ${how}; it is started again`, {
      'pause-ms': pauseMs,
    })
    await Promise.race([sleep(pauseMs), this.#options.stopped])
    if (this.#stopping.signal.aborted) {
      return
    }
    this.#workerd = spawn()
    try {
      await untilServing(this.#workerd)
      this.#serving.resolve()
      this.#serving = undefined
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error
      }
      // One that lives and does not serve is of no use, and the next one takes its place.
      await this.#workerd.stop()
    }
  }
}
