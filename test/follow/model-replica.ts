import type { ArchivedState } from '../../src/archive/state.ts'
import type { Region } from '../../src/config/region.ts'
import { CONTACT_MS } from '../../src/follow/fallback.ts'
import type {
  FollowerInput,
  FollowerOutput,
  ReadRequest,
  Standing,
} from '../../src/follow/follower-events.ts'
import type { Follower } from '../../src/follow/follower.ts'
import { partsOf } from '../../src/follow/frame-parts.ts'
import type { Frame } from '../../src/follow/frame.ts'
import { READ_MS } from '../../src/follow/waiting-reads.ts'
import type { Revision } from '../../src/mvcc/types.ts'
import type { FeedRefusal, Pushed, ReplicaPosition } from '../../src/protocol/replica-rpc.ts'
import { type ModelLeader, type ModelState, nothing, type Row } from './model-leader.ts'
import { type FollowerClass, type Required, Violation, type World } from './world.ts'

interface Read {
  readonly request: ReadRequest
  readonly came: number
  readonly required: Required
}

interface Wanted extends Pick<ReadRequest, 'level' | 'isGuarded' | 'minRevision'> {
  readonly isGone: boolean
}

const ONE = { changes: 1, bytes: 1 }

/** A replica that keeps what a real one stores, drives the real follower, and watches what it does. */
export class ModelReplica {
  readonly region: Region
  /** What is stored. Undefined before the first copy. */
  standing: Standing | undefined
  rows: Row[] = []
  state: ModelState = nothing
  compacted: Revision = -1
  readonly #world: World
  readonly #class: FollowerClass
  #follower: Follower
  /** Where it thinks that the leader is. */
  #leader: ModelLeader
  #reads = new Map<number, Read>()
  #lastRead = 0
  #open = 0

  constructor(region: Region, world: World, followerClass: FollowerClass) {
    this.region = region
    this.#world = world
    this.#class = followerClass
    this.#leader = world.leader
    this.#follower = new followerClass(undefined)
  }

  start(): void {
    this.#copy()
  }

  /** Its memory is lost. What is stored and open stays. */
  evict(): void {
    this.#reads = new Map()
    this.#follower = new this.#class(this.standing)
    if (this.standing === undefined) {
      this.#copy()
    } else if (this.#open > 0) {
      this.#take({ kind: 'open', count: this.#open })
    }
  }

  /** The directory tells where the leader is now. */
  led(): void {
    this.#leader = this.#world.leader
    this.#take({ kind: 'led', epoch: this.#leader.leadership.epoch })
  }

  open(count: number): void {
    this.#open = count
    this.#take({ kind: 'open', count })
  }

  read({ isGone, ...wanted }: Wanted): void {
    const id = ++this.#lastRead
    const { now } = this.#world.time
    const request = { ...wanted, id }
    const read = { request, came: now, required: this.#world.required }
    const reads = this.#reads
    reads.set(id, read)
    this.#take({ kind: 'read', ...request })
    this.#world.time.after(READ_MS + 1, () => {
      if (this.#reads === reads && reads.has(id)) {
        throw new Violation(`a read waits for more than ${READ_MS} ms`)
      }
    })
    if (isGone) {
      this.#world.time.after(30, () => {
        if (this.#reads === reads && reads.delete(id)) {
          this.#take({ kind: 'gone', id })
        }
      })
    }
  }

  pushed(frame: Frame): Pushed {
    this.#take({ kind: 'pushed', frame })
    const { epoch, revision, state } = this.#follower.standing
    return { epoch, revision, state, isAwake: this.#follower.isAwake(this.#world.time.now) }
  }

  /** All that the leader has is here. */
  requireAll(): void {
    const { log, state, compacted } = this.#world.leader
    if (
      this.rows.length !== log.length ||
      this.rows.some((row, at) => log[at] !== row) ||
      !isSame(this.state, state) ||
      // A leader that is lost may have told one replica of a compaction, and not its successor.
      (this.compacted !== compacted && !this.#world.hasLostLeader) ||
      this.compacted < compacted
    ) {
      const here = JSON.stringify([
        this.standing,
        this.state.tokens,
        this.compacted,
        this.rows.length,
      ])
      const there = JSON.stringify([state.tokens, compacted, log.length])
      throw new Violation(`all is well, and ${this.region} has ${here}, the leader ${there}`)
    }
  }

  #take(input: FollowerInput): void {
    const follower = this.#follower
    const { now } = this.#world.time
    for (const output of follower.take(input, now)) {
      this.#perform(output)
    }
    this.#world.arm(
      follower,
      () => (this.#follower === follower ? follower.wakeAt : Infinity),
      () => this.#take({ kind: 'tick' }),
    )
  }

  #perform(output: FollowerOutput): void {
    switch (output.kind) {
      case 'apply':
        return this.#apply(output)
      case 'pull': {
        const { pull: id, standing } = output
        return this.#ask({ of: 'pull', id }, standing, (leader, from, now) =>
          leader.pull(from, now),
        )
      }
      case 'ask': {
        const { question: id, standing, follow } = output
        return this.#ask({ of: 'question', id }, standing, (leader, from, now) =>
          follow ? leader.follow(from, now) : leader.readIndex(from, now),
        )
      }
      case 'fill':
        return this.#fill(output)
      case 'copy':
        this.standing = undefined
        return this.#copy()
      case 'find-leader':
        return this.#world.time.after(40, () => {
          // The directory may have been asked a moment before.
          const isLate = !this.#world.isWell && this.#world.random() < 0.2
          const before = this.#world.leaders.get(this.#world.leader.leadership.epoch - 1)
          this.#leader = (isLate ? before : undefined) ?? this.#world.leader
        })
      case 'removed':
        throw new Violation('it is removed, and nobody has removed it')
      case 'answer':
        return this.#answered(output.id)
      case 'refuse':
        return this.#refused(output.id)
    }
  }

  #ask(
    request: { readonly of: 'pull' | 'question'; readonly id: number },
    standing: Standing,
    ask: (
      leader: ModelLeader,
      from: ReplicaPosition,
      now: number,
    ) => FeedRefusal | { readonly frame?: Frame },
  ): void {
    const [follower, leader] = [this.#follower, this.#leader]
    const world = this.#world
    const hear = (input: FollowerInput): void => {
      if (this.#follower === follower) {
        this.#take(input)
      }
    }
    world.network.call(
      [this.region, 'leader'],
      () => {
        if (world.isDead(leader)) {
          return undefined
        }
        const answer = ask(leader, { region: this.region, ...standing }, world.time.now)
        world.armLeader(leader)
        return answer
      },
      (answer) => this.#heard(request, answer, hear),
      () => hear({ kind: 'failed', ...request }),
    )
  }

  /** Who has no state takes what was pulled in parts, between which other things happen. */
  #heard(
    request: { readonly of: 'pull' | 'question'; readonly id: number },
    answer: FeedRefusal | { readonly frame?: Frame },
    hear: (input: FollowerInput) => void,
  ): void {
    const input = inputOf(request, answer)
    const { time, random } = this.#world
    if (input.kind !== 'pulled' || this.#follower.standing.state !== undefined || random() < 0.3) {
      return hear(input)
    }
    for (const [place, { part, isLast }] of [...partsOf(input.frame, ONE)].entries()) {
      time.after(2 * place, () => hear({ ...input, frame: part, more: !isLast }))
    }
  }

  /** The archive may have all of it, or begin too late, or break off, or be another one's. */
  #fill({ fill, epoch, after }: Extract<FollowerOutput, { kind: 'fill' }>): void {
    const [follower, leader] = [this.#follower, this.#leader]
    const { time, random } = this.#world
    const end = leader.swept + Math.floor((leader.revision - leader.swept + 1) * random())
    const isThere = random() < 0.7 && leader.leadership.epoch === epoch && !leader.isFenced
    const frames = isThere ? leader.archived(after, end, time.now) : []
    const told = random() < 0.8 ? frames : frames.slice(1 + frames.length * random())
    const few = random() < 0.8 ? told : told.slice(0, told.length * random())
    const isUseless = few !== frames && random() < 0.5
    const hear = (input: FollowerInput, ms: number): void =>
      time.after(ms, () => {
        if (this.#follower === follower) {
          this.#take(input)
        }
      })
    few.forEach((frame, place) => hear({ kind: 'filled', fill, frame }, 30 * (place + 1)))
    hear({ kind: 'fill-ended', fill, isUseless }, 30 * (few.length + 1))
  }

  /** Takes over all that the leader has, which takes its time. */
  #copy(): void {
    const follower = this.#follower
    this.#world.time.after(50, () => {
      this.#leader = this.#world.leader
      const { log, state, compacted, revision, leadership } = this.#leader
      const rows = [...log]
      this.#world.time.after(200 * this.#world.random(), () => {
        if (this.#follower !== follower) {
          return
        }
        this.rows = rows
        this.state = state
        this.compacted = compacted
        this.standing = { epoch: leadership.epoch, revision, state: undefined }
        this.#take({ kind: 'copied', standing: this.standing })
      })
    })
  }

  #apply({
    frame,
    after,
    state,
    compaction,
    standing,
  }: Extract<FollowerOutput, { kind: 'apply' }>): void {
    const leader = this.#world.leaders.get(frame.epoch)
    for (const row of frame.changes) {
      if (row.main > after) {
        if (row.main !== this.rows.length) {
          throw new Violation(`revision ${row.main} comes behind ${this.rows.length - 1}`)
        }
        this.rows.push(row)
      }
    }
    const last = this.rows.length - 1
    if (
      leader === undefined ||
      leader.log[after] !== this.rows[after] ||
      standing.revision !== last
    ) {
      throw new Violation('what is there is not of the leader')
    }
    if (compaction) {
      if (frame.compaction.revision > last) {
        throw new Violation('a compaction comes before what is compacted')
      }
      this.compacted = Math.max(this.compacted, frame.compaction.revision)
    }
    if (state) {
      this.state = stateBehind(this.state, frame.state?.content ?? {})
    }
    this.standing = standing
    if (standing.state !== undefined) {
      const { incarnation, seq } = standing.state
      const cut = leader.cuts.get(`${incarnation}/${seq}`)
      if (cut === undefined || cut.revision !== last || !isSame(cut.state, this.state)) {
        throw new Violation('log and state are not of one moment of the leader')
      }
    }
  }

  #answered(id: number): void {
    const read = this.#reads.get(id)
    if (read === undefined) {
      throw new Violation('one who is gone is answered')
    }
    this.#reads.delete(id)
    this.#world.answered()
    const { request, required } = read
    const { now } = this.#world.time
    if (this.standing === undefined || this.standing.revision < (request.minRevision ?? 0)) {
      throw new Violation('an answer is behind the revision that it was to have')
    }
    if (now > read.came + READ_MS) {
      throw new Violation('an answer comes late')
    }
    if (request.isGuarded || request.level === 'linearizable') {
      if (this.standing.state === undefined) {
        throw new Violation('the log is ahead of the state, and something is answered')
      }
    }
    // Who still follows a leader that is lost may see what that has.
    const { epoch } = this.#world.leader.leadership
    if (epoch !== required.epoch || this.standing.epoch !== epoch) {
      return
    }
    if (request.level === 'linearizable') {
      if (this.standing.revision < required.revision || this.state.tokens < required.state.tokens) {
        throw new Violation('a linearizable read does not see what was acknowledged before')
      }
    } else if (
      request.isGuarded &&
      this.state.tokens < this.#world.pastState(now - CONTACT_MS).tokens
    ) {
      throw new Violation('a token is good for longer than the bound after it was revoked')
    }
  }

  #refused(id: number): void {
    if (!this.#reads.delete(id)) {
      throw new Violation('one who is gone is refused')
    }
  }
}

function inputOf(
  { of, id }: { readonly of: 'pull' | 'question'; readonly id: number },
  answer: FeedRefusal | { readonly frame?: Frame },
): FollowerInput {
  if ('refused' in answer) {
    return { kind: 'refused', of, id, refusal: answer }
  }
  const { frame } = answer
  if (of === 'pull') {
    if (frame === undefined) {
      throw new Error('a pull has no frame')
    }
    return { kind: 'pulled', pull: id, frame }
  }
  const leader = answer as Extract<FollowerInput, { kind: 'asked' }>['leader']
  return { kind: 'asked', question: id, leader, frame }
}

function stateBehind(state: ModelState, { leases, tokens }: ArchivedState): ModelState {
  const after = new Map(leases?.complete === true ? [] : state.leases)
  for (const [, id, ttl] of leases?.journal ?? []) {
    if (ttl === null) {
      after.delete(id)
    } else {
      after.set(id, ttl)
    }
  }
  const [token] = tokens ?? []
  return { tokens: token === undefined ? state.tokens : Number(token.id), leases: after }
}

function isSame(one: ModelState, other: ModelState): boolean {
  return (
    one.tokens === other.tokens &&
    one.leases.size === other.leases.size &&
    [...one.leases].every(([id, ttl]) => other.leases.get(id) === ttl)
  )
}
