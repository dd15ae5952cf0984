import type { Region } from '../config/region.ts'
import type { FeedInput, FeedOutput } from './feed-events.ts'
import { Receiver } from './receiver.ts'
import { Ring } from './ring.ts'

/** Under load a frame is cut so often at most: what is changed meanwhile shares it. */
const CUT_MS = 5
/** From so many frames within a second on they go over a socket. */
const SOCKET_FRAMES = 5
const SOCKET_FRAMES_MS = 1_000
/** So long after the last frame the socket is closed. */
const QUIET_MS = 5_000

interface Known {
  readonly region: Region
  /** Whether it wanted frames when the leader was in memory last. */
  readonly isAwake: boolean
}

/**
 * The leader's side of the protocol, without a clock: the driver tells what happens and when, and does what is
 * answered. Each replica that is awake is pushed all frames, in their order but for those that are lost.
 */
export class Feed {
  readonly #receivers = new Map<Region, Receiver>()
  readonly #ring = new Ring()
  #lastCut = -Infinity
  #isCutDue = false
  /** When the last frames were cut. */
  #cuts: readonly number[] = []
  #way: 'call' | 'socket' = 'call'

  constructor(replicas: readonly Known[]) {
    for (const { region, isAwake } of replicas) {
      this.#receivers.set(region, new Receiver(region, isAwake))
    }
  }

  /** Whether anybody wants frames. */
  get isWanted(): boolean {
    // It is asked for each change.
    for (const { isWanting } of this.#receivers.values()) {
      if (isWanting) {
        return true
      }
    }
    return false
  }

  /** The number of the last frame that was cut; 0 before there was one. */
  get head(): number {
    return this.#ring.head
  }

  /** When `tick` is to come at the latest; Infinity for never. It changes with each input. */
  get wakeAt(): number {
    const retries = [...this.#receivers.values()].map((one) => one.wakeAt(this.#ring.head))
    const cut = this.#isCutDue && this.isWanted ? this.#lastCut + CUT_MS : Infinity
    const quiet = this.#way === 'socket' ? this.#lastCut + QUIET_MS : Infinity
    return Math.min(cut, quiet, ...retries)
  }

  has(region: Region): boolean {
    return this.#receivers.has(region)
  }

  get(region: Region): Receiver | undefined {
    return this.#receivers.get(region)
  }

  /** Whether all that are awake, and not given up, have the state of a frame. */
  haveAll(seq: number): boolean {
    return [...this.#receivers.values()].every((one) => !one.isReachable || one.seq >= seq)
  }

  take(input: FeedInput, now: number): readonly FeedOutput[] {
    const outputs = this.#take(input, now)
    return input.kind === 'cut' || input.kind === 'changed'
      ? outputs
      : [...outputs, ...this.#cutDue(now)]
  }

  #take(input: FeedInput, now: number): readonly FeedOutput[] {
    switch (input.kind) {
      case 'changed':
        this.#isCutDue = true
        return this.#cutDue(now)
      case 'cut':
        return this.#cut(input.seq, input.frame, now)
      case 'added':
        if (!this.has(input.region)) {
          this.#receivers.set(input.region, new Receiver(input.region, false))
        }
        return []
      case 'removed':
        this.#receivers.delete(input.region)
        return []
      case 'tick':
        return this.#tick(now)
      case 'followed':
        return this.#of(input.region, (one) => one.followed(input, this.#ring.head))
      case 'wake':
        return this.#of(input.region, (one) => [
          ...one.wake(this.#ring.head),
          ...one.pump(this.#ring, this.#way, now),
        ])
      case 'seen':
        return this.#of(input.region, (one) => one.seen(input))
      case 'acked':
        return this.#of(input.region, (one) => [
          ...one.acked(input),
          ...one.pump(this.#ring, this.#way, now),
        ])
      case 'failed':
        return this.#of(input.region, (one) => one.failed(input.push, now))
    }
  }

  /** Input of a replica that was removed is passed over. */
  #of(region: Region, act: (one: Receiver) => readonly FeedOutput[]): readonly FeedOutput[] {
    const one = this.#receivers.get(region)
    return one === undefined ? [] : act(one)
  }

  #cutDue(now: number): readonly FeedOutput[] {
    if (!this.#isCutDue || !this.isWanted || now < this.#lastCut + CUT_MS) {
      return []
    }
    this.#isCutDue = false
    return [{ kind: 'cut' }]
  }

  #cut(seq: number, frame: Uint8Array | undefined, now: number): readonly FeedOutput[] {
    this.#isCutDue = false
    this.#ring.add(seq, frame)
    this.#lastCut = now
    this.#cuts = [...this.#cuts, now].slice(-SOCKET_FRAMES)
    const [first = -Infinity] = this.#cuts
    if (this.#cuts.length === SOCKET_FRAMES && now - first < SOCKET_FRAMES_MS) {
      this.#way = 'socket'
    }
    return this.#pump(now)
  }

  #tick(now: number): readonly FeedOutput[] {
    this.#receivers.forEach((one) => one.tick(now))
    const pushes = this.#pump(now)
    if (this.#way === 'socket' && now >= this.#lastCut + QUIET_MS) {
      this.#way = 'call'
      this.#cuts = []
      return [...pushes, { kind: 'close-sockets' }]
    }
    return pushes
  }

  #pump(now: number): readonly FeedOutput[] {
    return [...this.#receivers.values()].flatMap((one) => one.pump(this.#ring, this.#way, now))
  }
}
