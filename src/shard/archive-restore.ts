import type { ArchiveName } from '../archive/names.ts'
import type { ArchivedOptions } from '../archive/state.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import { startLeases } from '../lease/restored-leases.ts'
import { EngineError } from '../mvcc/errors.ts'
import { hashKv, hashScope, type HashKv } from '../mvcc/hash.ts'
import type { Change } from '../mvcc/history.ts'
import { BrokenHistory, HistoryRestore } from '../mvcc/restore.ts'
import { numberOf, type Sql } from '../mvcc/sql.ts'
import type { Revision } from '../mvcc/types.ts'
import { type ObjectStore, ObjectStoreError } from '../object-store/object-store.ts'
import type { Creation, RecoveryProgress } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { ArchiveReader } from '../recovery/archive-reader.ts'
import { BrokenArchive } from '../recovery/broken-archive.ts'
import type { Point } from '../recovery/point.ts'
import { BEGINNING, type Piece, type Position, Recovery } from '../recovery/recovery.ts'
import { bytesOfRow, type V2Row } from '../v2/row-change.ts'
import { TreeRestore } from '../v2/tree-restore.ts'
import { nextTurn } from './commit.ts'
import { recordCreation } from './creation.ts'
import { DiskRoom } from './disk-room.ts'
import type { Machine } from './machine.ts'
import { endRestore, progressIn, recordProgress } from './restore-row.ts'
import { optionsFor } from './restored-options.ts'
import { StateRestore } from './restored-state.ts'

/** What is written in a turn: some milliseconds. */
const TURN_CHANGES = 250
const TURN_BYTES = 256 * 1024
/** As in `restore.ts`. */
const COST_PER_BYTE = 2
/** How long a call goes on before it says that it is not done. */
const STEP_MS = 5_000

const SELECT_COMPACTED = 'SELECT revision FROM compaction WHERE one = 1'

/** What is restored: JSON in the row of the restore. */
export interface ArchiveSource {
  readonly kind: 'archive'
  readonly archive: ArchiveName
  readonly point: Point
  /** How far the revision is raised behind what is restored; 0 for not. */
  readonly bumpRevision: number
}

/** How far that has come. */
interface Written {
  /** Undefined when all is written, and only to be checked. */
  readonly position?: Position | undefined
  /** So many changes of that object are written. */
  readonly done: number
  readonly revision: Revision
  readonly options?: ArchivedOptions | undefined
}

const NOTHING: Written = { position: BEGINNING, done: 0, revision: 0 }

/** An object of the archive that is being written, and what of it is still to come. */
interface OpenPiece {
  readonly position: Position
  readonly piece: Piece
  readonly changes: Iterator<Change<Uint8Array> | V2Row>
}

/**
 * Makes a keyspace from an archive, object by object, which it reads itself. How far it is is written with
 * each turn, so that whoever asks goes on with it, after a crash too. The keyspace is one when all is there.
 */
export class ArchiveRestore {
  readonly #sql: Sql
  readonly #recovery: Recovery
  readonly #bumpRevision: number
  readonly #disk = new DiskRoom(() => undefined)
  readonly #diskOpen: Promise<void>
  readonly #state: StateRestore
  readonly #tree: TreeRestore
  #history: HistoryRestore
  #open: OpenPiece | undefined
  #check: Generator<void, HashKv> | undefined
  #step: Promise<RecoveryProgress> | undefined

  constructor(
    sql: Sql,
    source: ArchiveSource,
    { objects, machine }: { readonly objects: ObjectStore; readonly machine: Machine | undefined },
  ) {
    this.#sql = sql
    this.#bumpRevision = source.bumpRevision
    this.#recovery = new Recovery(new ArchiveReader(objects, source.archive), source.point)
    this.#diskOpen = this.#disk.open(machine)
    this.#state = new StateRestore(sql, (length) => crypto.getRandomValues(new Uint8Array(length)))
    this.#tree = new TreeRestore(sql)
    this.#history = new HistoryRestore(sql)
  }

  /** Goes on for some seconds, and makes it a keyspace when it is whole. Throws RpcStatus. */
  advance(creation: Creation): Promise<RecoveryProgress> {
    this.#step ??= this.#advance(creation).finally(() => {
      this.#step = undefined
    })
    return this.#step
  }

  async #advance(creation: Creation): Promise<RecoveryProgress> {
    const until = Date.now() + STEP_MS
    try {
      await this.#diskOpen
      for (;;) {
        const { position, done } = this.#written
        if (position === undefined) {
          return await this.#finish(creation, until)
        }
        if (Date.now() >= until) {
          return this.#told('creating')
        }
        await this.#write(await this.#pieceAt(position, done), until)
      }
    } catch (error) {
      // What memory knows of the writes that were rolled back is wrong.
      this.#open = undefined
      this.#history = new HistoryRestore(this.#sql)
      throw refusalOf(error)
    }
  }

  get #written(): Written {
    return (progressIn(this.#sql).progress as Written | undefined) ?? NOTHING
  }

  #told(state: RecoveryProgress['state']): RecoveryProgress {
    const { count } = progressIn(this.#sql)
    const { revision } = this.#written
    return { state, revision, target: this.#recovery.point.revision, changes: count }
  }

  /** That of the position; one that was begun here goes on. */
  async #pieceAt(position: Position, done: number): Promise<OpenPiece> {
    if (this.#open !== undefined && isSame(this.#open.position, position)) {
      return this.#open
    }
    const piece = await this.#recovery.piece(position)
    const changes = inOrder(piece)
    for (let passed = 0; passed < done; passed++) {
      changes.next()
    }
    this.#open = { position, piece, changes }
    return this.#open
  }

  /** All of a piece, turn by turn, if there is time. */
  async #write(open: OpenPiece, until: number): Promise<void> {
    while (this.#sql.transaction(() => this.#turn(open))) {
      await nextTurn()
      if (Date.now() >= until) {
        return
      }
    }
  }

  /** Answers whether more of the piece is left. */
  #turn({ position, piece, changes }: OpenPiece): boolean {
    const { count } = progressIn(this.#sql)
    const written = this.#written
    if (written.done === 0 && 'part' in position) {
      this.#compacted(piece, piece.compaction?.finished === true)
    }
    let { revision } = written
    let taken = 0
    for (let bytes = 0; taken < TURN_CHANGES && bytes < TURN_BYTES; taken++) {
      const next = changes.next()
      if (next.done === true) {
        this.#endPiece({ ...written, revision }, count + taken, piece, position)
        return false
      }
      const change = next.value
      const length = 'kind' in change ? bytesOfRow(change) : bytesOfChange(change)
      bytes += length
      this.#requireRoom(length)
      if ('kind' in change) {
        this.#tree.take(change)
      } else {
        this.#history.change(change)
        revision = change.main
      }
    }
    const done = written.done + taken
    recordProgress(this.#sql, count + taken, { ...written, revision, done })
    return true
  }

  #requireRoom(bytes: number): void {
    if (!this.#disk.take(COST_PER_BYTE * bytes)) {
      throw new EngineError('no-space')
    }
  }

  #endPiece(written: Written, count: number, piece: Piece, position: Position): void {
    this.#state.take(piece.state)
    if ('segment' in position) {
      this.#compacted(piece, false)
    }
    const options = piece.state.options ?? written.options
    recordProgress(this.#sql, count, { ...written, position: piece.next, done: 0, options })
    this.#open = undefined
  }

  /** What a compaction of the archive has left here is to go. */
  #compacted({ compaction }: Piece, finished: boolean): void {
    if (compaction !== undefined && compaction.revision >= 0) {
      this.#history.compacted(compaction.revision, finished)
    }
  }

  async #finish(creation: Creation, until: number): Promise<RecoveryProgress> {
    const { hash } = await this.#recovery.end()
    const compacted = numberOf(this.#sql.first(SELECT_COMPACTED)?.[0] ?? -1)
    const { revision } = this.#recovery.point
    if (hash?.revision === revision && hash.compactRevision === compacted) {
      const found = await this.#hash(revision, compacted, until)
      if (found === undefined) {
        return this.#told('creating')
      }
      if (found !== hash.hash) {
        const message = `HashKV of revision ${revision} is ${found}, and was ${hash.hash}`
        throw new RpcStatus(Code.DATA_LOSS, message)
      }
    }
    const told = this.#told('ready')
    const options = optionsFor(creation, this.#written.options)
    this.#sql.transaction(() => {
      this.#history.bump(revision, this.#bumpRevision)
      startLeases(this.#sql, Date.now())
      endRestore(this.#sql)
      recordCreation(this.#sql, { ...creation, ...options })
    })
    return { ...told, options }
  }

  /** Undefined where it takes longer. */
  async #hash(
    revision: Revision,
    compactRevision: Revision,
    until: number,
  ): Promise<number | undefined> {
    this.#check ??= hashKv(this.#sql, hashScope(this.#sql, revision, compactRevision))
    for (;;) {
      const step = this.#check.next()
      if (step.done === true) {
        this.#check = undefined
        return step.value.hash
      }
      if (Date.now() >= until) {
        return undefined
      }
      await nextTurn()
    }
  }
}

function* inOrder({ changes, rows }: Piece): Generator<Change<Uint8Array> | V2Row, void> {
  yield* changes
  yield* rows
}

function bytesOfChange({ kv }: Change<Uint8Array>): number {
  return kv.key.length + kv.value.length
}

function isSame(a: Position, b: Position): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function refusalOf(error: unknown): unknown {
  if (error instanceof BrokenArchive) {
    return new RpcStatus(Code.DATA_LOSS, `the archive is damaged: ${error.message}`)
  }
  if (error instanceof BrokenHistory || error instanceof FileProblem) {
    return new RpcStatus(Code.DATA_LOSS, `the archive is damaged: it ${error.message}`)
  }
  if (error instanceof ObjectStoreError) {
    return new RpcStatus(
      error.retryable ? Code.UNAVAILABLE : Code.FAILED_PRECONDITION,
      error.message,
    )
  }
  return error
}
