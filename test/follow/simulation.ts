import type { Region } from '../../src/config/region.ts'
import type { FeedOutput } from '../../src/follow/feed-events.ts'
import type { Frame } from '../../src/follow/frame.ts'
import { ModelLeader, type ModelState, nothing } from './model-leader.ts'
import { ModelReplica } from './model-replica.ts'
import { Network, type Weather } from './network.ts'
import { randomOf, VirtualTime } from './virtual-time.ts'
import { type FollowerClass, type Required, Violation, type World } from './world.ts'

const places: readonly Region[] = ['weur', 'apac', 'sam']

const weathers: readonly Weather[] = [
  { delay: 20, jitter: 0, lost: 0, twice: 0 },
  { delay: 1, jitter: 2, lost: 0, twice: 0.02 },
  { delay: 40, jitter: 5, lost: 0.02, twice: 0.02 },
  { delay: 10, jitter: 200, lost: 0.05, twice: 0.1 },
  { delay: 100, jitter: 100, lost: 0.25, twice: 0.1 },
]

const calm: Weather = { delay: 30, jitter: 3, lost: 0, twice: 0 }

/** What was true at the leader from then on. */
interface Past {
  readonly time: number
  readonly state: ModelState
}

/**
 * A leader, replicas, those who write and read, and all that goes wrong between them, in virtual time. The same seed is
 * the same history. What a replica answers is held against what the leader had acknowledged.
 */
export class Simulation implements World {
  readonly time = new VirtualTime()
  readonly random: () => number
  readonly network: Network
  readonly replicas: readonly ModelReplica[]
  leader: ModelLeader
  readonly leaders = new Map<number, ModelLeader>()
  readonly #dead = new Set<ModelLeader>()
  #past: Past[] = []
  readonly #timers = new WeakMap<object, number>()
  readonly #hasFaults: boolean
  /** How much of what goes wrong is that another one leads. */
  readonly #changes: number
  /** How many writes are more than one pull brings. */
  readonly #bursts: number
  hasLostLeader = false
  isWell = false
  answers = 0

  constructor(seed: number, followerClass: FollowerClass) {
    this.random = randomOf(seed)
    this.network = new Network(this.time, this.random, this.#pick(weathers))
    this.#hasFaults = this.random() < 0.85
    this.#changes = this.random() < 0.3 ? 0.6 : 0.05
    this.#bursts = this.random() < 0.3 ? 0.3 : 0.05
    this.leader = this.#lead(
      { epoch: 1, from: 0, former: 0 },
      { log: [], state: nothing, compacted: -1 },
    )
    for (let at = 0; at < 3; at++) {
      this.leader.write(0)
    }
    this.replicas = places.map((region) => new ModelReplica(region, this, followerClass))
    for (const replica of this.replicas) {
      this.leader.add(replica.region, false, 0)
      replica.start()
    }
  }

  /** Throws a Violation. */
  run(seconds: number): void {
    const end = 1000 * seconds
    this.#next(end)
    this.time.runUntil(end)
    this.#settle()
  }

  pastState(time: number): ModelState {
    return this.#past.findLast((past) => past.time <= time)?.state ?? nothing
  }

  isDead(leader: ModelLeader): boolean {
    return this.#dead.has(leader)
  }

  arm(owner: object, wakeAt: () => number, act: () => void): void {
    const time = wakeAt()
    if (time >= (this.#timers.get(owner) ?? Infinity)) {
      return
    }
    this.#timers.set(owner, time)
    this.time.after(Math.max(0, time - this.time.now), () => {
      if (this.#timers.get(owner) !== time) {
        return
      }
      this.#timers.delete(owner)
      if (wakeAt() <= this.time.now) {
        act()
        if (wakeAt() <= this.time.now) {
          throw new Violation('its timer goes off, and nothing comes of it')
        }
      }
      this.arm(owner, wakeAt, act)
    })
  }

  #lead(
    leadership: ModelLeader['leadership'],
    has: ConstructorParameters<typeof ModelLeader>[1],
  ): ModelLeader {
    const leader: ModelLeader = new ModelLeader(leadership, has, (outputs) =>
      outputs.forEach((output) => this.#perform(leader, output)),
    )
    this.leaders.set(leadership.epoch, leader)
    leader.isGenerous = this.random() < 0.3
    this.#past = [{ time: this.time.now, state: leader.state }]
    return leader
  }

  #perform(leader: ModelLeader, output: FeedOutput): void {
    if (output.kind !== 'push' && output.kind !== 'announce') {
      return
    }
    const { region, push } = output
    const replica = this.replicas.find((one) => one.region === region)
    const { feed } = leader
    const frame: Frame =
      output.kind === 'push' ? leader.decode(output.frame) : leader.announcement(this.time.now)
    const hear = (input: Parameters<ModelLeader['hear']>[0]): void => {
      if (leader.feed === feed && !leader.isFenced) {
        this.hear(leader, input)
      }
    }
    this.network.call(
      ['leader', region],
      () => replica?.pushed(frame),
      ({ isAwake, ...standing }) => {
        if (standing.epoch > leader.leadership.epoch) {
          leader.fence()
        } else {
          hear({ kind: 'acked', region, push, isAwake, ...leader.reached(standing) })
        }
      },
      () => hear({ kind: 'failed', region, push }),
    )
  }

  hear(leader: ModelLeader, input: Parameters<ModelLeader['hear']>[0]): void {
    leader.hear(input, this.time.now)
    this.armLeader(leader)
  }

  armLeader(leader: ModelLeader): void {
    const { feed } = leader
    this.arm(
      feed,
      () =>
        leader.feed === feed && !leader.isFenced && !this.isDead(leader) ? feed.wakeAt : Infinity,
      () => leader.hear({ kind: 'tick' }, this.time.now),
    )
  }

  /** Something happens, then something else. */
  #next(end: number): void {
    const pause = this.random() < 0.02 ? 12_000 * this.random() : 120 * this.random() ** 3
    this.time.after(pause, () => {
      if (this.time.now < end) {
        this.#happen()
        this.#next(end)
      }
    })
  }

  #happen(): void {
    const dice = this.random()
    const replica = this.#pick(this.replicas)
    if (dice < 0.3) {
      this.#write(this.random() < this.#bursts ? 30 : 1 + Math.floor(3 * this.random()))
    } else if (dice < 0.36) {
      this.leader.revoke(this.time.now)
    } else if (dice < 0.42) {
      this.leader.toggle(`${Math.floor(4 * this.random())}`, this.time.now)
    } else if (dice < 0.44) {
      const revision = Math.floor(this.leader.revision - 12 * this.random())
      const { leader } = this
      leader.compact(revision, this.time.now)
      this.time.after(3_000 * this.random(), () => leader.sweep(this.time.now))
    } else if (dice < 0.9) {
      this.#read(replica)
    } else if (dice < 0.92) {
      replica.open(Math.floor(2 * this.random()))
    } else if (this.#hasFaults) {
      this.#fail(replica)
    }
    this.#past.push({ time: this.time.now, state: this.leader.state })
    this.armLeader(this.leader)
  }

  #write(count: number): void {
    for (let at = 0; at < count; at++) {
      this.leader.write(this.time.now)
    }
  }

  #read(replica: ModelReplica): void {
    const dice = this.random()
    replica.read({
      level: dice < 0.4 ? 'linearizable' : 'serializable',
      isGuarded: this.random() < 0.7,
      minRevision: this.random() < 0.2 ? this.leader.revision + (dice < 0.1 ? 1 : 0) : undefined,
      isGone: this.random() < 0.05,
    })
  }

  #fail(replica: ModelReplica): void {
    const lasting = 12_000 * this.random() ** 2
    if (this.random() < this.#changes) {
      return this.random() < 0.5 ? this.#promote() : this.#force(replica)
    }
    const dice = this.random()
    if (dice < 0.3) {
      replica.evict()
    } else if (dice < 0.5) {
      this.leader.wake()
      this.hear(this.leader, { kind: 'tick' })
    } else if (dice < 0.8) {
      const place = this.random() < 0.3 ? 'leader' : replica.region
      this.network.cut(place, true)
      this.time.after(lasting, () => this.network.cut(place, false))
    } else {
      this.network.weather = this.#pick(weathers)
    }
  }

  /** Planned: the leader hands over all that it has. */
  #promote(): void {
    const { leadership, log, state, compacted, revision } = this.leader
    this.leader.fence()
    const next = { epoch: leadership.epoch + 1, from: revision, former: leadership.epoch }
    this.#succeed(next, { log, state, compacted })
  }

  /** The leader is lost, and what only it had. */
  #force(replica: ModelReplica): void {
    const { standing, rows, state, compacted } = replica
    if (standing?.state === undefined) {
      return
    }
    const lost = this.leader
    this.hasLostLeader = true
    // For a while it leads those who can reach it.
    for (let left = 6 * this.random(); left > 1; left--) {
      this.time.after(2_000 * this.random(), () => {
        lost.write(this.time.now)
        this.armLeader(lost)
      })
    }
    this.time.after(4_000 * this.random(), () => this.#dead.add(lost))
    const { epoch } = this.leader.leadership
    const next = { epoch: epoch + 1, from: standing.revision, former: standing.epoch }
    this.#succeed(next, { log: rows, state, compacted })
  }

  #succeed(
    leadership: ModelLeader['leadership'],
    has: ConstructorParameters<typeof ModelLeader>[1],
  ): void {
    this.leader = this.#lead(leadership, has)
    for (const { region } of this.replicas) {
      this.leader.add(region, this.random() < 0.5, this.time.now)
    }
    for (const replica of this.replicas) {
      this.time.after(3_000 * this.random(), () => replica.led())
    }
    // What it wrote before is of the epoch before.
    this.#write(1)
  }

  /** All is well again: everybody catches up, is answered, and falls silent. */
  #settle(): void {
    this.leaders.forEach((leader) => leader !== this.leader && this.#dead.add(leader))
    this.isWell = true
    this.network.heal()
    this.network.weather = calm
    this.replicas.forEach((replica) => replica.open(1))
    this.#runFor(40_000)
    this.#requireSilence(30_000, 'nothing happens, and there are messages')
    this.#write(2)
    this.leader.revoke(this.time.now)
    this.armLeader(this.leader)
    this.#runFor(20_000)
    for (const replica of this.replicas) {
      replica.requireAll()
      this.#requireKnown(replica)
      this.#requireAnswer(replica)
      replica.open(0)
    }
    this.#runFor(65_000)
    this.#write(1)
    this.armLeader(this.leader)
    this.#runFor(10_000)
    this.#write(1)
    this.armLeader(this.leader)
    this.#requireSilence(1_000_000, 'nobody reads, and there are messages')
  }

  /** Whoever has all is known to. */
  #requireKnown({ region }: ModelReplica): void {
    const { feed, revision } = this.leader
    const known = feed.get(region)
    if (known?.mode !== 'pushing' || known.revision !== revision || known.seq !== feed.head) {
      throw new Violation(`all is well, and the leader takes ${region} for one that is behind`)
    }
  }

  #requireSilence(ms: number, otherwise: string): void {
    const messages = this.network.count
    this.#runFor(ms)
    if (this.network.count > messages) {
      throw new Violation(otherwise)
    }
  }

  #requireAnswer(replica: ModelReplica): void {
    const { answers } = this
    replica.read({ level: 'linearizable', isGuarded: true, minRevision: undefined, isGone: false })
    this.#runFor(3_000)
    if (this.answers === answers) {
      throw new Violation('a read is not answered, though all is well')
    }
  }

  #runFor(ms: number): void {
    this.time.runUntil(this.time.now + ms)
  }

  #pick<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.random() * all.length)]
    if (one === undefined) {
      throw new Error('there is none')
    }
    return one
  }

  get required(): Required {
    const { leadership, revision, state } = this.leader
    return { epoch: leadership.epoch, revision, state }
  }

  answered(): void {
    this.answers++
  }
}
