import type { Region } from '../config/region.ts'
import type { Revision } from '../mvcc/types.ts'
import type { FeedOutput, Reached } from './feed-events.ts'
import type { Ring } from './ring.ts'

/** What may be under way to a replica. */
const WINDOW_BYTES = 4 * 1024 * 1024
const WINDOW_FRAMES = 64
/** A push that is not answered within so many ms has failed. */
const PUSH_MS = 5_000
/** After a failure it is tried again after so long, then after twice as long. */
const RETRY_MS = 100
/** After so many failures nobody waits for it any more, and it is tried now and then, unless it follows by itself. */
const FAILURES_MAX = 6
const UNREACHABLE_MS = 10_000
/** After so many more, which is ten minutes, it is tried once a minute. */
const FAILURES_LONG = 66
const LONG_UNREACHABLE_MS = 60_000

type Mode = 'asleep' | 'pushing' | 'failing' | 'unreachable'

interface UnderWay {
  readonly sent: number
  readonly bytes: number
  /** Whether it left after a failure, alone. */
  readonly isTry: boolean
}

/** What a leader knows of a replica, and pushes to it. */
export class Receiver {
  readonly region: Region
  #mode: Mode
  /** The number of the next frame to be pushed. */
  #next = 1
  /** What is under way, in the order in which it left. */
  readonly #underWay = new Map<number, UnderWay>()
  #bytesUnderWay = 0
  #lastPush = 0
  #failures = 0
  #retryAt = 0
  /** The last one that it is known to have. */
  revision: Revision = 0
  /** The last frame whose state it is known to have; −1 for none of this stay of the leader's. */
  seq = -1
  /** Whether it was heard of during this stay. */
  isKnown = false

  /** One that was awake before this stay of the leader in memory hears at once that there is another one. */
  constructor(region: Region, isAwake: boolean) {
    this.region = region
    this.#mode = isAwake ? 'pushing' : 'asleep'
    this.#next = 0
  }

  get mode(): Mode {
    return this.#mode
  }

  /** Whether frames are cut for it. */
  get isWanting(): boolean {
    return this.#mode !== 'asleep'
  }

  /** Whether it is awake and not given up. */
  get isReachable(): boolean {
    return this.#mode === 'pushing' || this.#mode === 'failing'
  }

  /** When `tick` is to come at the latest: what is under way is late then, or it is to be tried again. */
  wakeAt(head: number): number {
    const [oldest] = this.#underWay.values()
    if (oldest !== undefined) {
      return oldest.sent + PUSH_MS
    }
    const waits = this.#mode === 'failing' || this.#mode === 'unreachable'
    return waits && this.#next <= head ? this.#retryAt : Infinity
  }

  followed(reached: Reached, head: number): readonly FeedOutput[] {
    const wasAsleep = this.#mode === 'asleep'
    this.#mode = 'pushing'
    this.#failures = 0
    this.#next = head + 1
    // Whatever becomes of pushes before, it pulls what is in them.
    this.#forgetUnderWay()
    this.#reached(reached)
    return wasAsleep ? [{ kind: 'awake', region: this.region, isAwake: true }] : []
  }

  /** The last frame, or where it ends, is pushed again, for it to answer. */
  wake(head: number): readonly FeedOutput[] {
    if (this.#underWay.size === 0) {
      this.#mode = 'pushing'
      this.#next = Math.min(this.#next, head)
    }
    return []
  }

  seen(reached: Reached): readonly FeedOutput[] {
    this.#reached(reached)
    return []
  }

  acked({
    push,
    isAwake,
    ...reached
  }: Reached & { readonly push: number; readonly isAwake: boolean }): readonly FeedOutput[] {
    this.#reached(reached)
    if (this.#landed(push) === undefined) {
      return []
    }
    this.#failures = 0
    if (!isAwake) {
      this.#mode = 'asleep'
      this.#forgetUnderWay()
      return [{ kind: 'awake', region: this.region, isAwake: false }]
    }
    this.#mode = 'pushing'
    return []
  }

  failed(push: number, now: number): readonly FeedOutput[] {
    const failed = this.#landed(push)
    if (failed === undefined || this.#mode === 'asleep') {
      return []
    }
    // Of pushes that were under way together the first failure counts.
    if (this.#mode === 'pushing' || failed.isTry) {
      this.#failures++
    }
    this.#mode = this.#failures >= FAILURES_MAX ? 'unreachable' : 'failing'
    this.#retryAt = now + this.#pause()
    this.#next = this.seq + 1
    return []
  }

  #pause(): number {
    if (this.#failures >= FAILURES_MAX) {
      return this.#failures > FAILURES_LONG ? LONG_UNREACHABLE_MS : UNREACHABLE_MS
    }
    return RETRY_MS * 2 ** (this.#failures - 1)
  }

  /** What is not answered by now has failed. */
  tick(now: number): void {
    for (const [push, { sent }] of this.#underWay) {
      if (sent + PUSH_MS <= now) {
        this.failed(push, now)
      }
    }
  }

  /** What may leave now. */
  pump(ring: Ring, way: 'call' | 'socket', now: number): readonly FeedOutput[] {
    const outputs: FeedOutput[] = []
    while (this.#next <= ring.head && this.#mayPush(now)) {
      this.#lastPush++
      const push = this.#lastPush
      const frame = ring.get(this.#next)
      if (frame === undefined) {
        this.#next = ring.head + 1
        outputs.push({ kind: 'announce', region: this.region, push, way })
      } else {
        this.#next++
        outputs.push({ kind: 'push', region: this.region, push, frame, way })
      }
      this.#underWay.set(push, {
        sent: now,
        bytes: frame?.length ?? 0,
        isTry: this.#mode !== 'pushing',
      })
      this.#bytesUnderWay += frame?.length ?? 0
    }
    return outputs
  }

  #mayPush(now: number): boolean {
    switch (this.#mode) {
      case 'asleep':
        return false
      case 'pushing':
        return this.#underWay.size < WINDOW_FRAMES && this.#bytesUnderWay < WINDOW_BYTES
      case 'failing':
      case 'unreachable':
        return this.#underWay.size === 0 && now >= this.#retryAt
    }
  }

  /** Undefined where the push counts no more. */
  #landed(push: number): UnderWay | undefined {
    const found = this.#underWay.get(push)
    this.#underWay.delete(push)
    this.#bytesUnderWay -= found?.bytes ?? 0
    return found
  }

  #forgetUnderWay(): void {
    this.#underWay.clear()
    this.#bytesUnderWay = 0
  }

  #reached({ revision, seq }: Reached): void {
    this.isKnown = true
    this.revision = Math.max(this.revision, revision)
    this.seq = Math.max(this.seq, seq ?? -1)
  }
}
