import { FilterType } from '../mvcc/types.ts'
import type { Sink } from '../mvcc/watch-response.ts'
import type { WatchHub } from '../mvcc/watch.ts'
import type {
  CampaignRequest,
  CampaignResponse,
  LockRequest,
  LockResponse,
} from '../protocol/generated/messages.ts'
import { statusOf } from '../protocol/status.ts'
import { campaign, campaignAgain, type Candidacy, leaveElection } from './election.ts'
import { leaveLock, lock, lockAgain } from './lock.ts'
import type { Place, Step } from './queue.ts'
import type { RecipeClients } from './recipe-client.ts'

/** Milliseconds, the longest that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Runs a write in the turn that commits all writes at hand, and answers what it answers. */
export type Submit = <T>(write: () => T) => Promise<T>

/** A service's steps: the first, those after the key ahead is gone, and leaving the queue. */
interface Recipe<P, R> {
  readonly join: () => Step<P, R>
  readonly again: (place: P) => Step<P, R>
  readonly leave: (place: P) => void
}

/**
 * The calls of a keyspace that wait for their turn: Lock and Campaign. Each of them has a watch on
 * the one key ahead of it, so a deletion wakes one caller, whatever deleted the key: a client, or the
 * end of a lease. What wakes it runs in a turn of its own, for it may write.
 */
export class Waiters {
  readonly #hub: WatchHub
  readonly #submit: Submit
  #waiting = 0
  #awake: ReturnType<typeof setTimeout> | undefined

  constructor(hub: WatchHub, submit: Submit) {
    this.#hub = hub
    this.#submit = submit
  }

  /** How many calls wait now. */
  get waiting(): number {
    return this.#waiting
  }

  /** `gone` aborts when nobody waits for the answer any more. */
  lock(clients: RecipeClients, request: LockRequest, gone: AbortSignal): Promise<LockResponse> {
    const { caller, server } = clients
    const recipe = {
      join: () => lock(caller, request),
      again: (place: Place) => {
        try {
          return lockAgain(caller, place)
        } catch (error) {
          // Such as a permission that was taken away meanwhile: the others must not wait for it.
          leaveLock(server, place)
          throw error
        }
      },
      leave: (place: Place) => leaveLock(server, place),
    }
    return this.#run(recipe, gone)
  }

  /** As `lock`. */
  campaign(
    clients: RecipeClients,
    request: CampaignRequest,
    gone: AbortSignal,
  ): Promise<CampaignResponse> {
    const { caller, server } = clients
    const recipe = {
      join: () => campaign(caller, request),
      again: (place: Candidacy) => campaignAgain(caller, place),
      leave: (place: Candidacy) => leaveElection(server, place),
    }
    return this.#run(recipe, gone)
  }

  async #run<P, R>(recipe: Recipe<P, R>, gone: AbortSignal): Promise<R> {
    let step = await this.#submit(() => {
      if (gone.aborted) {
        throw statusOf('canceled')
      }
      return this.#watched(recipe.join(), gone)
    })
    while ('place' in step) {
      const { place, deleted } = step
      await deleted
      step = await this.#submit(() => {
        if (gone.aborted) {
          recipe.leave(place)
          throw statusOf('canceled')
        }
        return this.#watched(recipe.again(place), gone)
      })
    }
    return step.response
  }

  /** The watch begins in the same turn as the step that found the key: no deletion is missed. */
  #watched<P, R>(step: Step<P, R>, gone: AbortSignal) {
    return 'place' in step ? { ...step, deleted: this.#deletion(step.ahead, gone) } : step
  }

  /** Resolves when the key is deleted, or the caller gone. */
  async #deletion(key: Uint8Array, gone: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const onAbort = (): void => resolve()
    gone.addEventListener('abort', onAbort)
    const sink: Sink = {
      ready: true,
      // A canceled watch was left behind a compaction: the queue is looked at instead.
      send: ({ events, canceled }) => {
        if (events.length > 0 || canceled) {
          resolve()
        }
      },
      changed: () => undefined,
    }
    const stream = this.#hub.open(sink)
    stream.create({
      key,
      rangeEnd: new Uint8Array(0),
      startRevision: 0,
      progressNotify: false,
      filters: [FilterType.NOPUT],
      prevKv: false,
      watchId: 0,
      fragment: false,
    })
    this.#entered()
    await promise
    this.#left()
    gone.removeEventListener('abort', onAbort)
    this.#hub.close(stream)
  }

  /** A timer keeps the object in memory, which would forget its waiting calls when it hibernates. */
  #entered(): void {
    this.#waiting++
    this.#awake ??= setTimeout(() => this.#stayAwake(), TIMER_MS_MAX)
  }

  #stayAwake(): void {
    this.#awake = setTimeout(() => this.#stayAwake(), TIMER_MS_MAX)
  }

  #left(): void {
    this.#waiting--
    if (this.#waiting === 0 && this.#awake !== undefined) {
      clearTimeout(this.#awake)
      this.#awake = undefined
    }
  }
}
