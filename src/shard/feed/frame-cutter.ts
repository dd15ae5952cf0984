import { ChangesWriter } from '../../archive/changes.ts'
import type { ArchivedOptions, ArchivedState } from '../../archive/state.ts'
import { encodeFrame, type FrameState } from '../../follow/frame.ts'
import type { Revision } from '../../mvcc/types.ts'
import type { Pull, StatePosition } from '../../protocol/replica-rpc.ts'
import type { Keyspace } from '../keyspace.ts'
import { ChangeTail } from '../replication/change-tail.ts'
import type { Clock } from '../replication/clock.ts'
import { ALL, KeyspaceState } from '../replication/keyspace-state.ts'
import { LeaseJournal } from '../replication/lease-journal.ts'
import { readChanges } from '../replication/read-changes.ts'
import { tokenStateIn } from '../token-state.ts'

/** A frame that is longer is pulled. */
const PUSH_BYTES_MAX = 1024 * 1024

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
    this.#state = new KeyspaceState(keyspace, this.#journal, options)
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
    const content = this.#changedState()
    const tail = this.#tail.take(from, revision)
    const changes = revision < from ? new ChangesWriter() : tail?.writer
    this.#revision = revision
    if (changes === undefined || changes.bytes > PUSH_BYTES_MAX || !this.#parts.isWanted()) {
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
    { after, state }: Pick<Pull, 'after' | 'state'>,
    bytesMax: number,
    head: () => number,
  ): Promise<{ readonly frame: Uint8Array; readonly isWhole: boolean } | undefined> {
    const { keyspace, clock } = this.#parts
    const { store } = keyspace
    const from = after + 1
    if (from <= store.revision && !store.keepsAllSince(from)) {
      return undefined
    }
    const wanted = { from, to: store.revision, bytesMax }
    const read = await readChanges(store, wanted, () => clock.turn())
    if (read === undefined) {
      return undefined
    }
    const { writer } = read
    let { to } = read
    if (to === wanted.to && writer.bytes < bytesMax) {
      // What has come meanwhile is read at once: else there would never be a state to go with it.
      for (const change of store.changesBetween(to + 1, store.revision)) {
        writer.add(change)
      }
      to = store.revision
    }
    const isWhole = to === store.revision
    const told = isWhole ? this.#stateBehind(state, head()) : undefined
    return { frame: this.#encode({ from, to }, writer, told), isWhole }
  }

  #stateBehind(known: StatePosition | undefined, seq: number): FrameState {
    const { keyspace, options, incarnation } = this.#parts
    const position = this.#position(seq)
    if (known?.incarnation === incarnation && known.seq === seq) {
      return { position, since: seq, content: {} }
    }
    const whole = new KeyspaceState(keyspace, new LeaseJournal(keyspace.lessor.granted()), options)
    return { position, since: null, ...this.#withTokens(whole.capture(ALL).state) }
  }

  #position(seq: number): StatePosition {
    return { incarnation: this.#parts.incarnation, seq }
  }

  #changedState(): ArchivedState {
    if (this.#state.version === this.#version) {
      return {}
    }
    const { state, marks, version } = this.#state.capture(this.#marks)
    this.#marks = marks
    this.#version = version
    return state
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
