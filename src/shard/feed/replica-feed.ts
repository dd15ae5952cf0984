import type { ArchivedOptions } from '../../archive/state.ts'
import type { Region } from '../../config/region.ts'
import type { FeedInput, FeedOutput, Reached } from '../../follow/feed-events.ts'
import { Feed } from '../../follow/feed.ts'
import { isOfHistory } from '../../follow/leadership.ts'
import type { Revision } from '../../mvcc/types.ts'
import type {
  FeedRefusal,
  LeaderPosition,
  Pull,
  Pushed,
  ReplicaPosition,
  ReplicaRpc,
  ReplicaStatus,
} from '../../protocol/replica-rpc.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Clock } from '../replication/clock.ts'
import { FeedSocket } from './feed-socket.ts'
import { FrameCutter } from './frame-cutter.ts'
import { type OwnLeadership, replicasIn, setAwake } from './leadership.ts'

const PULL_BYTES_MAX = 1024 * 1024
/** What comes along with the answer to a question, where it is no more than that. */
const ALONG_BYTES_MAX = 64 * 1024
const ALONG_REVISIONS_MAX = 1_000
/** So long a revocation waits for the replicas that are awake. */
const TOLD_MS_MAX = 2_000
/** Of so many revisions the last ones come within a moment. */
const NEAR = 1_000
const NEAR_MS_MAX = 10_000
const NEAR_LOOK_MS = 50
/** What is to be done later than that is left to the object's alarm. */
const TIMER_MS_MAX = 10_000

export interface FeedParts {
  readonly keyspace: Keyspace
  readonly options: ArchivedOptions
  /** As it is stored now: to ask for it is to be told by the storage that this object has lost its place. */
  readonly leadership: () => OwnLeadership
  readonly clock: Clock
  readonly random: () => string
  readonly replica: (region: Region) => ReplicaRpc & Pick<DurableObjectStub, 'fetch'>
  /** Work that is to end before the object leaves memory. */
  readonly keep: (work: Promise<unknown>) => void
  /** Keeps every row of the log until the function that it answers is called. */
  readonly hold: () => () => void
  readonly wakeAt: (time: number) => void
  /** A replica has heard of a leader in a later epoch. */
  readonly deposed: (epoch: number) => void
  /** A replica was heard of for the first time. Whoever asks is whole. */
  readonly met: (region: Region) => void
}

type Pushing = Pick<Extract<FeedOutput, { readonly push: number }>, 'region' | 'push' | 'way'>

interface Told {
  readonly seq: number
  readonly resolve: () => void
}

/** Pushes what changes to the replicas, and answers what they ask. What it pushes and when says `follow/feed.ts`. */
export class ReplicaFeed {
  readonly #parts: FeedParts
  readonly #feed: Feed
  readonly #incarnation: string
  readonly #cutter: FrameCutter
  readonly #sockets = new Map<Region, FeedSocket>()
  /** What the machine was told of. */
  #seenRevision: Revision
  #seenVersion: number
  #told: Told[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = Infinity
  #isOver = false

  constructor(parts: FeedParts) {
    const { keyspace, options, clock } = parts
    this.#parts = parts
    this.#feed = new Feed(replicasIn(keyspace.sql))
    this.#incarnation = parts.random()
    this.#cutter = new FrameCutter({
      keyspace,
      options,
      incarnation: this.#incarnation,
      clock,
      epoch: () => parts.leadership().epoch,
      isWanted: () => this.#feed.isWanted,
    })
    this.#seenRevision = keyspace.store.revision
    this.#seenVersion = this.#cutter.version
  }

  /** Sees what a turn of the event loop has changed. It is called at the end of each. */
  noticed(): void {
    const { revision } = this.#parts.keyspace.store
    const { version } = this.#cutter
    if (revision !== this.#seenRevision || version !== this.#seenVersion) {
      this.#seenRevision = revision
      this.#seenVersion = version
      if (this.#feed.isWanted) {
        this.#take({ kind: 'changed' })
      }
    }
  }

  /** What was due is done: at the start, and when it is `wakeAt`. */
  run(): void {
    this.#take({ kind: 'tick' })
  }

  added(region: Region): void {
    this.#take({ kind: 'added', region })
  }

  removed(region: Region): void {
    this.#take({ kind: 'removed', region })
  }

  /** Nothing is pushed any more. */
  end(): void {
    this.#isOver = true
    clearTimeout(this.#timer ?? null)
    this.#closeSockets()
    this.#told.splice(0).forEach(({ resolve }) => resolve())
  }

  follow(replica: ReplicaPosition): LeaderPosition | FeedRefusal {
    const refused = this.#refusal(replica, 'leader')
    if (refused !== undefined) {
      return refused
    }
    this.#cutChanges()
    this.#hear('followed', replica)
    return this.#position(replica.region)
  }

  async readIndex(
    replica: ReplicaPosition,
  ): Promise<(LeaderPosition & { readonly frame?: Uint8Array }) | FeedRefusal> {
    const refused = this.#refusal(replica, 'leader')
    if (refused !== undefined) {
      return refused
    }
    this.#cutChanges()
    this.#hear('seen', replica)
    const { store } = this.#parts.keyspace
    const isPushed = this.#feed.get(replica.region)?.mode === 'pushing'
    const missing = store.revision - replica.revision
    const isCurrent = missing === 0 && this.#reached(replica).seq === this.#feed.head
    if (isPushed || isCurrent || missing > ALONG_REVISIONS_MAX) {
      return this.#position(replica.region)
    }
    const wanted = { ...replica, after: replica.revision }
    const pulled = await this.#cutter.read(wanted, ALONG_BYTES_MAX, () => this.#cutHead())
    return { ...this.#position(replica.region), ...(pulled?.isWhole === true && pulled) }
  }

  #hear(kind: 'followed' | 'seen', replica: ReplicaPosition): void {
    const { region } = replica
    const isNew = this.#feed.get(region)?.isKnown === false
    this.#take({ kind, region, ...this.#reached(replica) })
    if (isNew) {
      this.#parts.met(region)
    }
  }

  async pull(wanted: Pull): Promise<{ readonly frame: Uint8Array } | FeedRefusal> {
    const refused = this.#refusal({ ...wanted, revision: wanted.after }, 'log')
    if (refused !== undefined) {
      return refused
    }
    const release = this.#parts.hold()
    try {
      const bytesMax = Math.min(wanted.bytesMax, PULL_BYTES_MAX)
      const read = await this.#cutter.read(wanted, bytesMax, () => this.#cutHead())
      return read ?? { refused: 'compacted', epoch: this.#parts.leadership().epoch }
    } finally {
      release()
    }
  }

  /** Resolves when the replicas that are awake have all that has changed, or have had the time to. */
  told(): Promise<void> | undefined {
    if (!this.#feed.isWanted) {
      return undefined
    }
    const seq = this.#cutHead()
    if (this.#feed.haveAll(seq)) {
      return undefined
    }
    const told = new Promise<void>((resolve) => this.#told.push({ seq, resolve }))
    return Promise.race([told, this.#parts.clock.wait(TOLD_MS_MAX)])
  }

  /** Whether a replica has nearly all within some seconds, also if it has to be woken for it. */
  async isNear(region: Region): Promise<boolean> {
    const { keyspace, clock, keep, replica: of } = this.#parts
    const end = clock.now() + NEAR_MS_MAX
    keep(of(region).wake())
    while (clock.now() < end) {
      const replica = this.#feed.get(region)
      const { mode, isKnown, revision = 0 } = replica ?? {}
      if (mode === 'pushing' && isKnown === true && keyspace.store.revision - revision <= NEAR) {
        return true
      }
      this.#take({ kind: 'wake', region })
      await clock.wait(NEAR_LOOK_MS)
    }
    return false
  }

  status(): readonly ReplicaStatus[] {
    const { sql, store } = this.#parts.keyspace
    return replicasIn(sql).map(({ isAwake, ...member }) => {
      const { mode, isKnown, revision = 0, seq } = this.#feed.get(member.region) ?? {}
      const isCurrent = revision === store.revision && seq === this.#feed.head
      const awake = isCurrent ? 'current' : 'behind'
      return {
        ...member,
        state:
          mode === 'asleep' || mode === 'unreachable'
            ? mode
            : isKnown === true || isAwake
              ? awake
              : 'unknown',
        revision,
        lagRevisions: Math.max(0, store.revision - revision),
      }
    })
  }

  /** The log is told of also after the keyspace was handed over; who leads is asked for all else. */
  #refusal(
    { region, epoch, revision }: Pick<ReplicaPosition, 'region' | 'epoch' | 'revision'>,
    asked: 'leader' | 'log',
  ): FeedRefusal | undefined {
    const leadership = this.#parts.leadership()
    const { successor } = leadership
    if (epoch > leadership.epoch) {
      this.#parts.deposed(epoch)
    }
    if (epoch > leadership.epoch || (successor !== undefined && asked === 'leader')) {
      return { refused: 'deposed', epoch: successor?.epoch ?? leadership.epoch }
    }
    if (!this.#feed.has(region)) {
      return { refused: 'removed', epoch: leadership.epoch }
    }
    const { store } = this.#parts.keyspace
    if (!isOfHistory(leadership, { epoch, revision }) || revision > store.revision) {
      return { refused: 'diverged', epoch: leadership.epoch }
    }
    return undefined
  }

  #position(region: Region): LeaderPosition {
    return {
      epoch: this.#parts.leadership().epoch,
      revision: this.#parts.keyspace.store.revision,
      state: { incarnation: this.#incarnation, seq: this.#feed.head },
      time: this.#parts.clock.now(),
      isPushing: this.#feed.get(region)?.mode === 'pushing',
    }
  }

  /** What it has of another history is nothing of this one. */
  #reached({ epoch, revision, state }: Omit<ReplicaPosition, 'region'>): Reached {
    const isOwn = isOfHistory(this.#parts.leadership(), { epoch, revision })
    return {
      revision: isOwn ? revision : 0,
      seq: state?.incarnation === this.#incarnation ? state.seq : undefined,
    }
  }

  /** What has changed since the last frame is in one. */
  #cutChanges(): void {
    if (this.#cutter.isDue) {
      this.#do([{ kind: 'cut' }])
    }
  }

  /** The number of the frame that has all there is. */
  #cutHead(): number {
    this.#cutChanges()
    return this.#feed.head
  }

  #cut(): void {
    const seq = this.#feed.head + 1
    this.#take({ kind: 'cut', seq, frame: this.#cutter.cut(seq) })
  }

  /** Outputs of the machine are done at once, and what comes of them is told to it later. */
  #take(input: FeedInput): void {
    if (this.#isOver) {
      return
    }
    this.#do(this.#feed.take(input, this.#parts.clock.now()))
    this.#told = this.#told.filter(({ seq, resolve }) => {
      const isTold = this.#feed.haveAll(seq)
      if (isTold) {
        resolve()
      }
      return !isTold
    })
    this.#arm()
  }

  #do(outputs: readonly FeedOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'cut':
          this.#cut()
          break
        case 'push':
          this.#push(output, output.frame)
          break
        case 'announce':
          this.#push(output, this.#cutter.announcement(this.#feed.head))
          break
        case 'awake':
          setAwake(this.#parts.keyspace.sql, output.region, output.isAwake)
          break
        case 'close-sockets':
          this.#closeSockets()
          break
      }
    }
  }

  #push({ region, push, way }: Pushing, frame: Uint8Array): void {
    this.#parts.keep(this.#pushed({ region, push, way }, frame))
  }

  async #pushed({ region, push, way }: Pushing, frame: Uint8Array): Promise<void> {
    let pushed: Pushed
    try {
      pushed = await this.#sent(region, frame, way)
    } catch {
      // What is lost is pushed again; the status of the replica tells that it is not reached.
      this.#take({ kind: 'failed', region, push })
      return
    }
    const { isAwake, epoch } = pushed
    if (epoch > this.#parts.leadership().epoch) {
      this.#parts.deposed(epoch)
      return
    }
    this.#take({ kind: 'acked', region, push, isAwake, ...this.#reached(pushed) })
  }

  #sent(region: Region, frame: Uint8Array, way: 'call' | 'socket'): Promise<Pushed> {
    const replica = this.#parts.replica(region)
    if (way === 'call') {
      return replica.push(frame)
    }
    let socket = this.#sockets.get(region)
    if (socket === undefined || socket.isOver) {
      socket = new FeedSocket(replica)
      this.#sockets.set(region, socket)
    }
    return socket.push(frame)
  }

  #closeSockets(): void {
    this.#sockets.forEach((socket) => socket.close())
    this.#sockets.clear()
  }

  /** One that goes off too early is set anew then. */
  #arm(): void {
    const { wakeAt } = this.#feed
    if (wakeAt === Infinity || this.#isOver || wakeAt >= this.#timerAt) {
      return
    }
    clearTimeout(this.#timer ?? null)
    this.#timerAt = Infinity
    const wait = wakeAt - this.#parts.clock.now()
    if (wait > TIMER_MS_MAX) {
      this.#parts.wakeAt(wakeAt)
    } else {
      this.#timerAt = wakeAt
      const ring = (): void => {
        this.#timerAt = Infinity
        this.run()
      }
      this.#timer = setTimeout(ring, Math.max(0, wait))
    }
  }
}
