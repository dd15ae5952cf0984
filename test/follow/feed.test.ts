import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FeedInput, FeedOutput } from '../../src/follow/feed-events.ts'
import { Feed } from '../../src/follow/feed.ts'

type Push = Extract<FeedOutput, { readonly push: number }>

const MIB = 1024 * 1024

/** A feed, its clock, and what it has pushed. */
class World {
  readonly feed: Feed
  readonly pushes: Push[] = []
  readonly others: FeedOutput[] = []
  cuts = 0
  now = 1_000_000
  frameBytes = 100

  constructor(isAwake: boolean) {
    this.feed = new Feed([{ region: 'weur', isAwake }])
    this.take({ kind: 'tick' })
  }

  take(input: FeedInput): void {
    for (const output of this.feed.take(input, this.now)) {
      if (output.kind === 'cut') {
        this.cuts++
        this.take({
          kind: 'cut',
          seq: this.feed.head + 1,
          frame: new Uint8Array(this.frameBytes).fill(this.feed.head + 1),
        })
      } else if ('push' in output) {
        this.pushes.push(output)
      } else {
        this.others.push(output)
      }
    }
  }

  follow(): void {
    this.take({ kind: 'followed', region: 'weur', revision: 1, seq: this.feed.head })
  }

  change(): void {
    this.take({ kind: 'changed' })
  }

  /** As much later as the feed wants to be called again, but no more than that. */
  passes(ms: number): void {
    const end = this.now + ms
    while (this.feed.wakeAt <= end) {
      this.now = Math.max(this.now, this.feed.wakeAt)
      this.take({ kind: 'tick' })
    }
    this.now = end
  }

  ack({ push }: Push, seq = this.feed.head, isAwake = true): void {
    this.take({ kind: 'acked', region: 'weur', push, revision: seq, seq, isAwake })
  }

  fail({ push }: Push): void {
    this.take({ kind: 'failed', region: 'weur', push })
  }

  last(): Push {
    const last = this.pushes.at(-1)
    if (last === undefined) {
      throw new Error('nothing was pushed')
    }
    return last
  }
}

describe('what a leader pushes to a replica', () => {
  it('[FED1] a frame leaves at the end of a turn, and the next one 5 ms later at the earliest', () => {
    const world = new World(false)
    world.follow()
    world.change()
    expect(world.pushes).toHaveLength(1)
    world.now += 2
    world.change()
    world.change()
    expect(world.pushes).toHaveLength(1)
    world.passes(3)
    expect(world.pushes).toHaveLength(2)
    expect(world.cuts).toBe(2)
  })

  it('[FED2] nothing is cut or pushed for a replica that is asleep, nor is there a timer', () => {
    const world = new World(false)
    world.change()
    expect([world.cuts, world.feed.wakeAt]).toEqual([0, Infinity])
    world.follow()
    world.change()
    world.ack(world.last(), 1, false)
    expect(world.others).toEqual([
      { kind: 'awake', region: 'weur', isAwake: true },
      { kind: 'awake', region: 'weur', isAwake: false },
    ])
    world.now += 60_000
    world.change()
    expect([world.cuts, world.feed.wakeAt]).toEqual([1, Infinity])
  })

  it('[FED3] no more than 4 MiB and 64 frames are under way to a replica', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: MIB }), { minLength: 80, maxLength: 120 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 3 }), (lengths, every) => {
        const world = new World(false)
        world.follow()
        let acked = 0
        lengths.forEach((length, place) => {
          world.frameBytes = every === 0 ? 10 : length
          world.change()
          world.now += 5
          const underWay = world.pushes.slice(acked)
          const bytes = underWay.map((push) => (push.kind === 'push' ? push.frame.length : 0))
          expect(underWay.length).toBeLessThanOrEqual(64)
          // What was under way before the last one left room for it.
          expect(bytes.slice(0, -1).reduce((sum, one) => sum + one, 0)).toBeLessThan(4 * MIB)
          const [oldest] = underWay
          if (every > 0 && place % every === 0 && oldest !== undefined) {
            world.ack(oldest)
            acked++
          }
        })
      }),
      { numRuns: 50 },
    )
  })

  it('[FED4] after a failure one push is tried at a time, after longer and longer; after six a replica is tried every 10 s, and after ten minutes once a minute', () => {
    const world = new World(false)
    world.follow()
    world.change()
    const pauses: number[] = []
    for (let tries = 0; tries < 8; tries++) {
      const failed = world.now
      const before = world.pushes.length
      world.fail(world.last())
      while (world.pushes.length === before) {
        world.passes(100)
      }
      expect(world.pushes.length).toBe(before + 1)
      pauses.push(world.now - failed)
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 10_000, 10_000, 10_000])
    world.ack(world.last())
    expect(world.feed.get('weur')?.mode).toBe('pushing')
  })

  it('[FED5] what is lost is pushed again in its order; behind the last 4 MiB the replica is told to pull', () => {
    const world = new World(false)
    world.follow()
    world.change()
    world.now += 5
    world.change()
    const [first, second] = world.pushes
    if (first === undefined || second === undefined) {
      throw new Error('nothing was pushed')
    }
    world.fail(first)
    world.fail(second)
    world.passes(100)
    expect(world.last()).toMatchObject({ kind: 'push', frame: new Uint8Array(100).fill(1) })
    world.fail(world.last())
    world.frameBytes = MIB
    for (let frames = 0; frames < 5; frames++) {
      world.change()
      world.now += 5
    }
    world.passes(1_000)
    expect(world.last()).toMatchObject({ kind: 'announce' })
  })

  it('[FED6] from five frames a second on they go over a socket, which is closed 5 s after the last one', () => {
    const world = new World(false)
    world.follow()
    for (let frames = 0; frames < 6; frames++) {
      world.change()
      world.ack(world.last())
      world.passes(150)
    }
    expect(world.pushes.map(({ way }) => way)).toEqual([
      'call',
      'call',
      'call',
      'call',
      'socket',
      'socket',
    ])
    world.passes(4_000)
    expect(world.others).not.toContainEqual({ kind: 'close-sockets' })
    world.passes(1_000)
    expect(world.others).toContainEqual({ kind: 'close-sockets' })
    expect(world.feed.wakeAt).toBe(Infinity)
    world.change()
    expect(world.last().way).toBe('call')
  })

  it('[FED7] a replica that was awake before the leader came into memory is told at once where that is', () => {
    const world = new World(true)
    expect(world.pushes).toMatchObject([{ kind: 'announce', region: 'weur' }])
    expect(new World(false).pushes).toEqual([])
  })

  it('[FED8] replicas that are awake and not given up have to know of a frame before it counts as told', () => {
    const world = new World(false)
    expect(world.feed.haveAll(1)).toBe(true)
    world.follow()
    world.change()
    expect(world.feed.haveAll(1)).toBe(false)
    world.ack(world.last(), 0)
    expect(world.feed.haveAll(1)).toBe(false)
    world.take({ kind: 'seen', region: 'weur', revision: 2, seq: 1 })
    expect(world.feed.haveAll(1)).toBe(true)
    world.change()
    world.passes(5)
    for (let failures = 0; failures < 6; failures++) {
      expect(world.feed.haveAll(2)).toBe(false)
      world.fail(world.last())
      world.passes(2_000)
    }
    expect(world.feed.haveAll(2)).toBe(true)
  })
})
