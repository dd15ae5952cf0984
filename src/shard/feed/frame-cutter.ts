import { ChangesWriter } from '../../archive/changes.ts'
import type { ArchivedOptions, ArchivedState } from '../../archive/state.ts'
import type { ArchivedRows } from '../../archive/v2-rows.ts'
import { encodeFrame, type FrameState } from '../../follow/frame.ts'
import type { Revision } from '../../mvcc/types.ts'
import type { Pull, StatePosition } from '../../protocol/replica-rpc.ts'
import type { Keyspace } from '../keyspace.ts'
import { ChangeTail } from '../replication/change-tail.ts'
import type { Clock } from '../replication/clock.ts'
import { KeyspaceState } from '../replication/keyspace-state.ts'
import { LeaseJournal } from '../replication/lease-journal.ts'
import { ALL } from '../replication/marks.ts'
import { readChanges } from '../replication/read-changes.ts'
import { rowsOfAll, rowsSince, LOST, V2Journal } from '../replication/v2-journal.ts'
import { tokenStateIn } from '../token-state.ts'

/** A frame that is longer is pulled. */
const PUSH_BYTES_MAX = 1024 * 1024
/** A v2 store that has more than that is copied anew with all else where its changes are not remembered. */
const TREE_BYTES_MAX = 16 * 1024 * 1024

interface CutterParts {
  readonly keyspace: Keyspace
  readonly options: ArchivedOptions
  /** Of this stay in memory. */
  readonly incarnation: string
  readonly clock: Clock
  readonly epoch: () => number
  /** Whether anybody is pushed frames. */
  readonly isWanted: () => boolean
}

/** Makes frames: of what has changed since the last one, and of what a replica has not got. */
export class FrameCutter {
  readonly #parts: CutterParts
  readonly #journal: LeaseJournal
  readonly #state: KeyspaceState
  readonly #tail = new ChangeTail()
  /** What the last frame ends with. */
  #revision: Revision
  #version: number
  #marks: string

  constructor(parts: CutterParts) {
    const { keyspace, options, isWanted } = parts
    const { store, lessor } = keyspace
    this.#parts = parts
    this.#journal = new LeaseJournal(lessor.granted())
    const v2 = new V2Journal(keyspace.sql, keyspace.v2, isWanted)
    this.#state = new KeyspaceState(keyspace, this.#journal, options, v2)
    this.#marks = this.#state.marks
    this.#revision = store.revision
    this.#version = this.#state.version
    this.#tail.begin(this.#revision)
    keyspace.changed.push((revision, events) => {
      if (isWanted()) {
        this.#tail.changed(revision, events)
      }
    })
    keyspace.leaseEvents.push({
      granted: (id, ttl) => this.#journal.granted(store.revision, id, ttl),
      revoked: (id, ttl) => this.#journal.revoked(store.revision, id, ttl),
    })
  }

  /** Another number after each change of what is beside the log. */
  get version(): number {
    return this.#state.version
  }

  /** Whether something has changed since the last frame. */
  get isDue(): boolean {
    return (
      this.#parts.keyspace.store.revision !== this.#revision ||
      this.#state.version !== this.#version
    )
  }

  /** Ends a frame here. Undefined where it is too long to be pushed, or nobody is. */
  cut(seq: number): Uint8Array | undefined {
    const { revision } = this.#parts.keyspace.store
    const from = this.#revision + 1
    const { content, isLost } = this.#changedState()
    const tail = this.#tail.take(from, revision)
    const changes = revision < from ? new ChangesWriter() : tail?.writer
    this.#revision = revision
    const isShort = changes !== undefined && changes.bytes <= PUSH_BYTES_MAX
    if (!isShort || isLost || !this.#parts.isWanted()) {
      return undefined
    }
    const frame = this.#encode({ from, to: revision }, changes, {
      position: this.#position(seq),
      since: seq - 1,
      ...this.#withTokens(content),
    })
    return frame.length > PUSH_BYTES_MAX ? undefined : frame
  }

  /** Says where the last frame ends: whoever has not got that sees by it that there is something to pull. */
  announcement(seq: number): Uint8Array {
    const to = this.#revision
    const state = { position: this.#position(seq), since: seq, content: {} }
    return this.#encode({ from: to + 1, to }, new ChangesWriter(), state)
  }

  /**
   * A frame behind a revision, with the state where it reaches the store's own revision: that is what `head` has cut.
   * Undefined where the log has not got all of it any more.
   */
  async read(
    wanted: Pick<Pull, 'epoch' | 'after' | 'state' | 'v2'>,
    bytesMax: number,
    head: () => number,
  ): Promise<{ readonly frame: Uint8Array; readonly isWhole: boolean } | undefined> {
    const { keyspace, clock } = this.#parts
    const { store } = keyspace
    const from = wanted.after + 1
    if (from <= store.revision && !store.keepsAllSince(from)) {
      return undefined
    }
    const behind = { from, to: store.revision, bytesMax }
    const read = await readChanges(store, behind, () => clock.turn())
    if (read === undefined) {
      return undefined
    }
    const { writer } = read
    let { to } = read
    if (to === behind.to && writer.bytes < bytesMax) {
      // What has come meanwhile is read at once: else there would never be a state to go with it.
      for (const change of store.changesBetween(to + 1, store.revision)) {
        writer.add(change)
      }
      to = store.revision
    }
    const isWhole = to === store.revision
    const told = isWhole ? this.#stateBehind(wanted, head()) : undefined
    if (told === LOST) {
      return undefined
    }
    return { frame: this.#encode({ from, to }, writer, told), isWhole }
  }

  #stateBehind(
    { epoch, state: known, v2 }: Pick<Pull, 'epoch' | 'state' | 'v2'>,
    seq: number,
  ): FrameState | typeof LOST {
    const { keyspace, options, incarnation } = this.#parts
    const position = this.#position(seq)
    if (known?.incarnation === incarnation && known.seq === seq) {
      return { position, since: seq, content: {} }
    }
    const whole = new KeyspaceState(keyspace, new LeaseJournal(keyspace.lessor.granted()), options)
    const { state } = whole.capture(ALL)
    // Of another epoch it may have what this leader never had.
    const rows = this.#rowsBehind(epoch === this.#parts.epoch() ? v2 : undefined)
    return rows === LOST
      ? LOST
      : { position, since: null, ...this.#withTokens({ ...state, ...(rows && { v2: rows }) }) }
  }

  /** Of the v2 store: what has changed since an index, or all of it. */
  #rowsBehind(index: number | undefined): ArchivedRows | typeof LOST | undefined {
    const { sql, v2 } = this.#parts.keyspace
    if (index === v2.index) {
      return undefined
    }
    const since = index === undefined ? LOST : rowsSince(sql, index, v2.index)
    return since === LOST ? rowsOfAll(sql, v2, TREE_BYTES_MAX) : since
  }

  #position(seq: number): StatePosition {
    return { incarnation: this.#parts.incarnation, seq }
  }

  #changedState(): { readonly content: ArchivedState; readonly isLost: boolean } {
    if (this.#state.version === this.#version) {
      return { content: {}, isLost: false }
    }
    const { state, marks, version, isLost } = this.#state.capture(this.#marks)
    this.#marks = marks
    this.#version = version
    return { content: state, isLost }
  }

  /** What simple tokens are known by goes with the users. */
  #withTokens(content: ArchivedState): Pick<FrameState, 'content' | 'tokenState'> {
    const isTold = content.auth !== undefined
    return { content, ...(isTold && { tokenState: tokenStateIn(this.#parts.keyspace.sql) }) }
  }

  #encode(
    { from, to }: { readonly from: Revision; readonly to: Revision },
    changes: ChangesWriter,
    state: FrameState | undefined,
  ): Uint8Array {
    const { keyspace, clock, epoch } = this.#parts
    const { compactRevision, compactionPending } = keyspace.store
    const compaction = { revision: compactRevision, finished: !compactionPending }
    const head = { epoch: epoch(), from, to, time: clock.now(), compaction }
    return encodeFrame(head, changes, state)
  }
}
