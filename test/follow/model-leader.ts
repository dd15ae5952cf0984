import type { ArchivedState, LeaseChange } from '../../src/archive/state.ts'
import type { Region } from '../../src/config/region.ts'
import type { FeedInput, FeedOutput } from '../../src/follow/feed-events.ts'
import { Feed } from '../../src/follow/feed.ts'
import type { Frame, FrameState } from '../../src/follow/frame.ts'
import { isOfHistory, type Leadership } from '../../src/follow/leadership.ts'
import type { Change } from '../../src/mvcc/history.ts'
import { NO_LEASE, type Revision } from '../../src/mvcc/types.ts'
import type {
  FeedRefusal,
  LeaderPosition,
  ReplicaPosition,
  StatePosition,
} from '../../src/protocol/replica-rpc.ts'

export type Row = Change<Uint8Array>

/** Of a state: which tokens there are is a number that grows, and leases are granted and revoked. */
export interface ModelState {
  readonly tokens: number
  readonly leases: ReadonlyMap<string, number>
}

type IndexAnswer = LeaderPosition & { readonly frame?: Frame }

export const nothing: ModelState = { tokens: 0, leases: new Map() }

/** What a leader had at a cut. */
export interface Cut {
  readonly revision: Revision
  readonly state: ModelState
}

/** What a pull brings at most. */
const ROWS_MAX = 6

const NO_BYTES = new Uint8Array(0)

/** A leader that keeps what a real one stores, and drives the real feed. `perform` does what that puts out. */
export class ModelLeader {
  readonly leadership: Leadership
  /** By their revisions. */
  readonly log: Row[]
  state: ModelState
  compacted: Revision
  /** So far it has lost what was compacted. */
  swept: Revision
  /** By incarnation and number. */
  readonly cuts = new Map<string, Cut>()
  isFenced = false
  /** Whether what is missing comes along with each answer, though it is pushed as well. */
  isGenerous = false
  feed!: Feed
  readonly #perform: (outputs: readonly FeedOutput[]) => void
  readonly #awake = new Map<Region, boolean>()
  readonly #frames = new WeakMap<Uint8Array, Frame>()
  #incarnation = ''
  #stays = 0
  #isDirty = false
  #journal: LeaseChange[] = []
  #cutTokens = 0
  #cutRevision: Revision

  constructor(
    leadership: Leadership,
    has: { log: readonly Row[]; state: ModelState; compacted: Revision },
    perform: (outputs: readonly FeedOutput[]) => void,
  ) {
    this.leadership = leadership
    this.log = [...has.log]
    this.state = has.state
    this.compacted = has.compacted
    this.swept = has.compacted
    this.#perform = perform
    this.#cutRevision = this.revision
    this.wake()
  }

  get revision(): Revision {
    return this.log.length - 1
  }

  /** It comes into memory anew. */
  wake(): void {
    this.#stays++
    this.#incarnation = `${this.leadership.epoch}.${this.#stays}`
    this.feed = new Feed(Array.from(this.#awake, ([region, isAwake]) => ({ region, isAwake })))
    this.#journal = []
    this.#isDirty = false
    this.#cutTokens = this.state.tokens
    this.#cutRevision = this.revision
    this.#remember()
  }

  add(region: Region, isAwake: boolean, now: number): void {
    this.#awake.set(region, isAwake)
    this.hear({ kind: 'added', region }, now)
  }

  write(now: number): void {
    const main = this.log.length
    const kv = {
      key: NO_BYTES,
      createRevision: main,
      modRevision: main,
      version: 1,
      value: NO_BYTES,
      lease: NO_LEASE,
    }
    this.log.push({ main, sub: 0, deleted: false, kv })
    this.#changed(now)
  }

  /** A token is revoked. */
  revoke(now: number): void {
    this.state = { ...this.state, tokens: this.state.tokens + 1 }
    this.#changed(now)
  }

  /** A lease is granted, or revoked where it is there. */
  toggle(lease: string, now: number): void {
    const leases = new Map(this.state.leases)
    if (!leases.delete(lease)) {
      leases.set(lease, 10)
    }
    this.#journal.push([this.revision, lease, leases.get(lease) ?? null])
    this.state = { ...this.state, leases }
    this.#changed(now)
  }

  compact(revision: Revision, now: number): void {
    this.compacted = Math.max(this.compacted, revision)
    this.#changed(now)
  }

  sweep(now: number): void {
    this.swept = this.compacted
    this.#changed(now)
  }

  /** Nobody else may write behind its back: it hands over all that it has. */
  fence(): void {
    this.isFenced = true
  }

  hear(input: FeedInput, now: number): void {
    for (const output of this.feed.take(input, now)) {
      if (output.kind === 'cut') {
        this.cut(now)
      } else {
        if (output.kind === 'awake') {
          this.#awake.set(output.region, output.isAwake)
        }
        this.#perform([output])
      }
    }
  }

  /** What is not in a frame yet is cut into one. */
  cut(now: number): void {
    if (!this.#isDirty) {
      return
    }
    const seq = this.feed.head + 1
    const { tokens } = this.state
    const content: ArchivedState = {
      ...(this.#journal.length > 0 && { leases: { complete: false, journal: this.#journal } }),
      ...(tokens !== this.#cutTokens && { tokens: [tokenOf(tokens)] }),
    }
    const state = { position: { incarnation: this.#incarnation, seq }, since: seq - 1, content }
    const frame = this.#frame(this.#cutRevision, this.revision, state, now)
    this.#isDirty = false
    this.#journal = []
    this.#cutTokens = tokens
    this.#cutRevision = this.revision
    this.#remember(seq)
    this.hear(
      { kind: 'cut', seq, frame: frame.bytes > 10_000 ? undefined : this.#encoded(frame) },
      now,
    )
  }

  /** The frame that was pushed. */
  decode(bytes: Uint8Array): Frame {
    const frame = this.#frames.get(bytes)
    if (frame === undefined) {
      throw new Error('nobody has encoded that')
    }
    return frame
  }

  announcement(now: number): Frame {
    const { state } = this.#position(now, 'known')
    const whole = { position: state, since: state.seq, content: {} }
    return this.#frame(this.revision, this.revision, whole, now)
  }

  follow(replica: ReplicaPosition, now: number): IndexAnswer | FeedRefusal {
    return this.#answered(replica, now, () => {
      this.hear({ kind: 'followed', region: replica.region, ...this.reached(replica) }, now)
      return this.#position(now, replica.region)
    })
  }

  readIndex(replica: ReplicaPosition, now: number): IndexAnswer | FeedRefusal {
    return this.#answered(replica, now, () => {
      this.hear({ kind: 'seen', region: replica.region, ...this.reached(replica) }, now)
      const position = this.#position(now, replica.region)
      return position.isPushing && !this.isGenerous
        ? position
        : { ...position, frame: this.#pulled(replica, now) }
    })
  }

  pull(replica: ReplicaPosition, now: number): { readonly frame: Frame } | FeedRefusal {
    return this.#answered(replica, now, () =>
      replica.revision < this.swept
        ? this.#refusal('compacted')
        : { frame: this.#pulled(replica, now) },
    )
  }

  /** What its archive has of the log behind a revision, which ends where the log still reaches back to. */
  archived(after: Revision, end: Revision, now: number): readonly Frame[] {
    const frames: Frame[] = []
    for (let at = after; at < end; at += ROWS_MAX) {
      const frame = this.#frame(at, Math.min(end, at + ROWS_MAX), undefined, now)
      frames.push({ ...frame, compaction: { revision: -1, finished: true } })
    }
    return frames
  }

  reached({ epoch, revision, state }: Omit<ReplicaPosition, 'region'>): {
    revision: Revision
    seq: number | undefined
  } {
    const known = isOfHistory(this.leadership, { epoch, revision }) ? revision : 0
    return {
      revision: known,
      seq: state?.incarnation === this.#incarnation ? state.seq : undefined,
    }
  }

  #answered<T>(replica: ReplicaPosition, now: number, answer: () => T): T | FeedRefusal {
    if (this.isFenced) {
      return this.#refusal('deposed')
    }
    if (!isOfHistory(this.leadership, replica) || replica.revision > this.revision) {
      return this.#refusal('diverged')
    }
    this.cut(now)
    return answer()
  }

  #refusal(refused: FeedRefusal['refused']): FeedRefusal {
    return { refused, epoch: this.leadership.epoch }
  }

  #position(now: number, region: Region | 'known'): LeaderPosition {
    return {
      epoch: this.leadership.epoch,
      revision: this.revision,
      state: { incarnation: this.#incarnation, seq: this.feed.head },
      time: now,
      isPushing: region !== 'known' && this.feed.get(region)?.mode === 'pushing',
    }
  }

  #pulled({ revision, state: own }: ReplicaPosition, now: number): Frame {
    const to = Math.min(this.revision, revision + ROWS_MAX)
    const position: StatePosition = { incarnation: this.#incarnation, seq: this.feed.head }
    const isSame = own?.incarnation === position.incarnation && own.seq === position.seq
    const { tokens, leases } = this.state
    const journal = Array.from(leases, ([id, ttl]): LeaseChange => [this.revision, id, ttl])
    const content = isSame ? {} : { leases: { complete: true, journal }, tokens: [tokenOf(tokens)] }
    const state = { position, since: isSame ? position.seq : null, content }
    return this.#frame(revision, to, to === this.revision ? state : undefined, now)
  }

  #frame(after: Revision, to: Revision, state: FrameState | undefined, time: number): Frame {
    const changes = this.log.slice(after + 1, to + 1)
    const { epoch } = this.leadership
    const compaction = { revision: this.compacted, finished: this.swept === this.compacted }
    const bytes = 100 + 1000 * changes.length
    return { epoch, from: after + 1, to, time, compaction, state, changes, bytes }
  }

  #encoded(frame: Frame): Uint8Array {
    const bytes = new Uint8Array(frame.bytes)
    this.#frames.set(bytes, frame)
    return bytes
  }

  #changed(now: number): void {
    this.#isDirty = true
    this.hear({ kind: 'changed' }, now)
  }

  #remember(seq = 0): void {
    this.cuts.set(`${this.#incarnation}/${seq}`, { revision: this.revision, state: this.state })
  }
}

function tokenOf(version: number): NonNullable<ArchivedState['tokens']>[number] {
  return {
    id: String(version),
    hash: '',
    access: '',
    commonNames: false,
    description: '',
    created: 0,
    expires: null,
  }
}
