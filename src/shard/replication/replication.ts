import { segmentKey } from '../../archive/names.ts'
import type { ArchivedCompaction } from '../../archive/origin.ts'
import type { Revision } from '../../mvcc/types.ts'
import { ObjectStoreError } from '../../object-store/object-store.ts'
import type { ReplicationStatus } from '../../protocol/shard-rpc.ts'
import { FIRST_INDEX } from '../../v2/event-history.ts'
import { TreeSnapshot } from '../../v2/tree-snapshot.ts'
import { ownSegmentAt } from './adopt-segment.ts'
import { type Attempt, encodeAttempt, NOT_SENT, type Taken } from './attempt.ts'
import { ChangeTail } from './change-tail.ts'
import { claimEpoch, Deposed, lastManifest } from './claim-epoch.ts'
import { CompactionHold } from './compaction-hold.ts'
import { type CapturedState, KeyspaceState } from './keyspace-state.ts'
import { LeaseJournal } from './lease-journal.ts'
import { ALL, indexIn, marksOfIndex } from './marks.ts'
import {
  before,
  behind,
  noPosition,
  type Position,
  positionIn,
  recordPosition,
  type SentSegment,
} from './position.ts'
import { readChanges } from './read-changes.ts'
import type { ReplicationParts } from './replication-parts.ts'
import { replicationStatus } from './replication-status.ts'
import { nextStep, SEGMENT_BYTES, type Situation, type Step } from './schedule.ts'
import { type FullFacts, FullNameTaken, sendFull, type Target } from './send-full.ts'
import { StoreHealth } from './store-health.ts'
import { TimeMarks } from './time-marks.ts'
import { V2Journal } from './v2-journal.ts'
import { isFullThere, lostSegment, prune, writeManifest } from './write-manifest.ts'

/**
 * Sends a keyspace to the object store while it is written to: its log in segments, now and then all of it,
 * and manifests of what there is. No write waits for it. What it does next says `schedule.ts`.
 */
export class Replication {
  readonly #parts: ReplicationParts
  readonly #journal: LeaseJournal
  readonly #v2: V2Journal
  readonly #state: KeyspaceState
  readonly #times = new TimeMarks()
  readonly #tail = new ChangeTail()
  readonly #health: StoreHealth
  #position: Position
  #taken: Taken
  /** When the first change came that is not, in ms since 1970. */
  #since: number | undefined
  /** The same of what is on its way. */
  #sinceUnderWay: number | undefined
  /** With so many `#writtenBytes` it is looked at again whether a segment is due. */
  #nextLook = Infinity
  #isRunning = false
  #full: { isCancelled: boolean; readonly done: Promise<void> } | undefined
  /** Where another shard's segment stands in the way, a new epoch is needed. */
  #isDiverged = false
  readonly #hold = new CompactionHold()
  /** When the first change came that no full of the epoch has, while it has none. */
  #epochSince: number
  #isOver = false
  #seen: Revision = 0
  readonly counts = { segments: 0, fulls: 0 }

  constructor(parts: ReplicationParts) {
    const { keyspace, archive, options, clock, log } = parts
    this.#parts = parts
    this.#journal = new LeaseJournal(keyspace.lessor.granted())
    this.#v2 = new V2Journal(keyspace.sql, keyspace.v2)
    this.#state = new KeyspaceState(keyspace, this.#journal, options, this.#v2)
    this.#health = new StoreHealth((line) => log(`keyspace ${archive.keyspace}: ${line}`))
    this.#position = positionIn(keyspace.sql) ?? noPosition(archive.keyspace)
    this.#tail.begin(keyspace.store.revision)
    keyspace.changed.push(this.#tail.changed)
    keyspace.leaseEvents.push({
      granted: (id, ttl) => this.#journal.granted(keyspace.store.revision, id, ttl),
      revoked: (id, ttl) => this.#journal.revoked(keyspace.store.revision, id, ttl),
    })
    this.#taken = this.#takenBefore()
    this.#epochSince = this.#position.time
    if (this.#taken.version === NOT_SENT || this.#taken.revision !== keyspace.store.revision) {
      this.#since = this.#position.time || clock.now()
    }
  }

  /** What an earlier stay in memory has sent. */
  #takenBefore(): Taken {
    const { store } = this.#parts.keyspace
    const { epoch, marks, revision } = this.#position
    const writtenBytes = this.#writtenBytes
    if (epoch === 0) {
      const version = this.#state.isNew ? this.#state.version : NOT_SENT
      return { revision: store.revision, version, writtenBytes }
    }
    if (marks === this.#state.marks) {
      return { revision, version: this.#state.version, writtenBytes }
    }
    // What has become of leases meanwhile nobody knows.
    this.#journal.broken()
    return { revision, version: NOT_SENT, writtenBytes }
  }

  /** Does what is due. */
  run(): void {
    if (!this.#isRunning && !this.#isOver) {
      this.#isRunning = true
      this.#parts.keep(this.#loop())
    }
  }

  /** Sees what a turn of the event loop has changed. It is called at the end of each. */
  noticed(): void {
    const { keyspace, clock } = this.#parts
    const { revision } = keyspace.store
    if (revision !== this.#seen) {
      this.#seen = revision
      this.#times.saw(revision, clock.now())
    }
    if (this.#since === undefined) {
      if (revision === this.#taken.revision && this.#state.version === this.#taken.version) {
        return
      }
      this.#since = clock.now()
      this.#nextLook = this.#writtenBytes + SEGMENT_BYTES
      this.schedule()
    } else if (this.#writtenBytes >= this.#nextLook) {
      this.#nextLook = this.#writtenBytes + SEGMENT_BYTES
      this.schedule()
    }
  }

  /** Sees to it that what is due next is done. To be called once at the start. */
  schedule(): void {
    if (this.#isRunning || this.#isOver) {
      return
    }
    const step = nextStep(this.#situation(), this.#parts.clock.now())
    if (step.do === 'wait') {
      this.#parts.wakeAt(step.until)
    } else {
      this.run()
    }
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#isOver = true
    if (this.#full !== undefined) {
      this.#full.isCancelled = true
    }
  }

  /** The lowest revision that compaction has to leave for what is still to be sent. */
  pinned(now: number): Revision | undefined {
    const { compactRevision } = this.#parts.keyspace.store
    const isFullUnderWay = this.#full !== undefined
    const position = this.#isDiverged ? undefined : this.#position
    return this.#hold.lowest({ position, compactRevision, isFullUnderWay }, now)
  }

  status(): ReplicationStatus {
    const { keyspace, clock, lagMs } = this.#parts
    return replicationStatus({
      position: this.#position,
      health: this.#health,
      revision: keyspace.store.revision,
      since: this.#sinceUnderWay ?? this.#since,
      epochSince: this.#epochSince,
      counts: this.counts,
      now: clock.now(),
      lagMs,
    })
  }

  /** Bytes of all changes since the object came into memory. */
  get #writtenBytes(): number {
    return this.#parts.keyspace.store.operations.putBytes + this.#v2.written
  }

  /** Whether all is known that has changed since the position. */
  get #isWhole(): boolean {
    const { marks, revision } = this.#position
    const isLogWhole = this.#parts.keyspace.store.keepsAllSince(revision + 1)
    return !this.#isDiverged && isLogWhole && this.#v2.reaches(indexIn(marks))
  }

  #situation(): Situation {
    const { keyspace, lagMs } = this.#parts
    const { store } = keyspace
    return {
      position: this.#position,
      revision: store.revision,
      isWhole: this.#isWhole,
      since: this.#since,
      waitingBytes: this.#writtenBytes - this.#taken.writtenBytes,
      isFullUnderWay: this.#full !== undefined,
      retryAt: this.#health.retryAt,
      lagMs,
    }
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      const now = this.#parts.clock.now()
      const step = nextStep(this.#situation(), now)
      if (step.do === 'wait') {
        this.#isRunning = false
        this.#parts.wakeAt(step.until)
        return
      }
      try {
        await this.#take(step, now)
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  async #take(step: Exclude<Step, { readonly do: 'wait' }>, now: number): Promise<void> {
    switch (step.do) {
      case 'epoch':
        return this.#beginEpoch(now)
      case 'segment':
        return this.#segment(step.full, now)
      case 'full':
        return this.#startFull(this.#fullFacts(now))
      case 'manifest':
        return this.#manifest(now)
    }
  }

  #failed(error: unknown): void {
    if (this.#isOver) {
      return
    }
    const { clock, log } = this.#parts
    if (error instanceof Deposed) {
      this.#record({ ...this.#position, deposed: error.message })
      log(
        `keyspace ${this.#parts.archive.keyspace}: snapshots are not sent any more: ${error.message}`,
      )
      return
    }
    const mayHelp = !(error instanceof ObjectStoreError) || error.retryable
    const message = error instanceof Error ? error.message : String(error)
    this.#health.failed(message, clock.now(), mayHelp)
  }

  #record(position: Position): void {
    recordPosition(this.#parts.keyspace.sql, position)
    this.#position = position
  }

  get #target(): Target {
    const { archive, keyspace, objects } = this.#parts
    return {
      objects,
      archive,
      origin: {
        keyspace: archive.keyspace,
        generation: archive.generation,
        cluster: keyspace.identity.clusterId.toString(),
        epoch: this.#position.epoch,
      },
    }
  }

  get #compaction(): ArchivedCompaction {
    const { store } = this.#parts.keyspace
    return { revision: store.compactRevision, finished: !store.compactionPending }
  }

  async #beginEpoch(now: number): Promise<void> {
    if (this.#full !== undefined) {
      this.#full.isCancelled = true
      await this.#full.done
    }
    if (this.#position.claimant === '') {
      this.#record({ ...this.#position, claimant: this.#parts.random() })
      await this.#parts.durable()
    }
    const { objects, archive, origin } = this.#target
    const { manifest, claimant, epoch: last } = this.#position
    const known = await lastManifest(objects, archive, manifest)
    const by = { objects, archive, origin, claimant, epoch: last, time: now }
    const epoch = await claimEpoch(by, known.manifest)
    this.#enterEpoch(epoch, known.number)
  }

  /** In one turn: what is sent from now on is behind the state that the epoch begins with. */
  #enterEpoch(epoch: number, manifest: number): void {
    const { keyspace, clock, archive } = this.#parts
    const time = clock.now()
    this.#epochSince = this.#since ?? time
    const captured = this.#state.capture(ALL)
    this.#record({
      ...noPosition(archive.keyspace),
      epoch,
      manifest,
      revision: keyspace.store.revision,
      time,
      marks: captured.marks,
    })
    this.#isDiverged = false
    this.#health.worked(time)
    this.#takes(captured)
    this.#tail.begin(keyspace.store.revision)
    this.#sinceUnderWay = undefined
    this.#startFull(this.#fullFacts(time, captured))
  }

  /** All that there is at this moment is on its way. */
  #takes({ version }: CapturedState): void {
    const { revision } = this.#parts.keyspace.store
    this.#taken = { revision, version, writtenBytes: this.#writtenBytes }
    this.#sinceUnderWay = this.#since
    this.#since = undefined
  }

  /** Of this moment, in which nothing is left that is not sent or on its way, behind segment `seq`. */
  #fullFacts(time: number, captured?: CapturedState): FullFacts {
    const { state } = captured ?? this.#state.capture(ALL)
    const { epoch, seq, checksum } = this.#position
    const { store, sql, v2 } = this.#parts.keyspace
    const name = { epoch, seq, revision: store.revision }
    const history = store.hashedHistory()
    const tree = v2.index === FIRST_INDEX ? undefined : new TreeSnapshot(sql, v2)
    return { name, time, compaction: this.#compaction, previous: checksum, state, history, tree }
  }

  #startFull(facts: FullFacts): void {
    const { keyspace, clock, durable, keep } = this.#parts
    const full = { isCancelled: false, done: Promise.resolve() }
    const cancelled = (): boolean => full.isCancelled
    const source = { store: keyspace.store, clock, durable, cancelled }
    const bytesBefore = this.#position.bytesSince
    const send = async (): Promise<void> => {
      try {
        const sent = await sendFull(this.#target, source, facts)
        if (sent !== undefined && !full.isCancelled) {
          this.counts.fulls++
          this.#health.worked(clock.now())
          const bytesSince = this.#position.bytesSince - bytesBefore
          this.#record({ ...this.#position, full: sent, bytesSince })
        }
      } catch (error) {
        this.#fullFailed(error)
      } finally {
        this.#full = undefined
      }
      this.#parts.sent()
      this.schedule()
    }
    full.done = send()
    this.#full = full
    keep(full.done)
  }

  #fullFailed(error: unknown): void {
    if (error instanceof FullNameTaken) {
      // An empty segment gives it another name.
      this.#since ??= this.#parts.clock.now()
      this.#taken = { ...this.#taken, version: NOT_SENT }
    } else {
      this.#failed(error)
    }
  }

  /** Sends what there is at this moment, or a part of it where that is long. */
  async #segment(withFull: boolean, now: number): Promise<void> {
    const since = this.#since
    const { writtenBytes } = this.#taken
    const attempt = this.#attempt(withFull, now)
    let isAll = false
    try {
      isAll = await this.#sendSegment(attempt)
    } finally {
      this.#sinceUnderWay = undefined
      if (!isAll) {
        attempt.captured.putBack()
        attempt.full?.tree?.end()
        this.#taken = { revision: this.#position.revision, version: NOT_SENT, writtenBytes }
        this.#since = since ?? this.#since
      }
    }
  }

  #attempt(withFull: boolean, time: number): Attempt {
    const { store } = this.#parts.keyspace
    const { revision, seq, marks: sentMarks } = this.#position
    const captured = this.#state.capture(sentMarks || '{}')
    this.#takes(captured)
    const facts = withFull ? this.#fullFacts(time) : undefined
    const full = facts && { ...facts, name: { ...facts.name, seq: seq + 1 } }
    const from = revision + 1
    const target = store.revision
    const tail = this.#tail.take(from, target)
    const marks = this.#times.between(from, target)
    return { captured, from, target, tail, time, compaction: this.#compaction, marks, full }
  }

  /** Answers whether all of it was sent. */
  async #sendSegment(attempt: Attempt): Promise<boolean> {
    const { keyspace, clock, durable, archive, objects } = this.#parts
    const { captured, from, target, time } = attempt
    const position = this.#position
    const { epoch, checksum: previous } = position
    const seq = position.seq + 1
    const wanted = { from, to: target, bytesMax: SEGMENT_BYTES }
    const read = attempt.tail ?? (await readChanges(keyspace.store, wanted, () => clock.turn()))
    if (read === undefined || captured.isLost) {
      this.#isDiverged = true
      return false
    }
    const { to } = read
    const { origin } = this.#target
    const { bytes, checksum, isAll } = encodeAttempt(attempt, read, { origin, seq, previous })
    await durable()
    if (!(await objects.put(segmentKey(archive, { epoch, seq, from }), bytes, 'absent'))) {
      const { store } = keyspace
      const own = await ownSegmentAt(this.#target, position, {
        store,
        clock,
        v2: captured.state.v2,
      })
      if (own?.segment.checksum !== checksum) {
        // If it is our own it counts, but for the state.
        if (own === undefined) {
          this.#isDiverged = true
        } else {
          this.#sent(own.segment, marksOfIndex(own.index))
        }
        return false
      }
    }
    const v2 = indexIn(position.marks)
    const segment = { seq, from, to, bytes: bytes.length, time, checksum, previous, v2 }
    // A try that has failed may still read what it was given: that is not written to again.
    this.#tail.sent(bytes, attempt.tail?.buffer)
    this.#sent(segment, isAll ? captured.marks : position.marks)
    if (isAll && attempt.full !== undefined) {
      this.#startFull({ ...attempt.full, previous: checksum })
    }
    return isAll
  }

  #sent(segment: SentSegment, marks: string): void {
    this.#record(behind(this.#position, segment, marks))
    this.#times.sent(segment.to)
    this.counts.segments++
    this.#health.worked(this.#parts.clock.now())
    this.#parts.sent()
  }

  async #manifest(now: number): Promise<void> {
    this.#tail.free()
    const target = this.#target
    const position = this.#position
    const lost = await lostSegment(target, position)
    if (lost !== undefined) {
      this.#again(lost)
      return
    }
    const { full } = position
    if (full?.listed === false && !(await isFullThere(target, position, full))) {
      this.#record({ ...this.#position, full: undefined })
      throw new ObjectStoreError('the store has lost a part of a full', { retryable: true })
    }
    const { number, plan } = await writeManifest(target, position, now)
    const listed = this.#position.full?.seq === full?.seq
    this.#record({
      ...this.#position,
      manifest: number,
      unlisted: this.#position.unlisted.filter(({ seq }) => seq > position.seq),
      full: listed && full !== undefined ? { ...full, listed: true } : this.#position.full,
    })
    this.#health.worked(this.#parts.clock.now())
    if (plan !== undefined) {
      await prune(target.objects, target.archive, plan)
    }
  }

  /** What the store has accepted and lost is sent again while the log has it; else a new epoch begins. */
  #again(lost: SentSegment): void {
    const { keyspace, clock } = this.#parts
    if (keyspace.store.keepsAllSince(lost.from)) {
      this.#record(before(this.#position, lost))
    } else {
      this.#isDiverged = true
    }
    this.#journal.broken()
    this.#taken = { ...this.#taken, revision: this.#position.revision, version: NOT_SENT }
    this.#since ??= clock.now()
    throw new ObjectStoreError(`the store has lost segment ${lost.seq}`, { retryable: true })
  }
}
