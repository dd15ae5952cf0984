import type { ArchivedOptions } from '../archive/state.ts'
import { startLeases } from '../lease/restored-leases.ts'
import {
  type CopiedCurrent,
  createTriggers,
  dropTriggers,
  insertCurrent,
} from '../mvcc/current-copy.ts'
import { EngineError } from '../mvcc/errors.ts'
import { type CopiedRows, insertCopied } from '../mvcc/log-copy.ts'
import { release } from '../mvcc/packed-rows.ts'
import { HistoryRestore } from '../mvcc/restore.ts'
import type { Sql } from '../mvcc/sql.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import { fromBase64 } from '../protocol/base64-decode.ts'
import { toBase64 } from '../protocol/base64.ts'
import type { LeaderAddress } from '../protocol/object-address.ts'
import {
  type Creation,
  isRefused,
  type RecoveryProgress,
  type Refused,
} from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { insertTree } from '../v2/tree-copy.ts'
import { CopySlices } from './copy-slices.ts'
import { type CopiedKeys, type CopiedLog, type CopyRpc, rowsBytes } from './copy-source.ts'
import { recordCreation } from './creation.ts'
import { DiskRoom } from './disk-room.ts'
import type { Machine } from './machine.ts'
import { endRestore, progressIn, recordProgress } from './restore-row.ts'
import { optionsFor } from './restored-options.ts'
import { StateRestore } from './restored-state.ts'

/** How long a call goes on before it says that it is not done. */
const STEP_MS = 5_000
/** As in `restore.ts`. */
const COST_PER_BYTE = 2
/** What of the log a turn of the event loop writes: a millisecond or two, and one commit. */
const TURN_BYTES = 128 * 1024
const TURN_ROWS = 256
/** The same of rows that are current. */
const TURN_PIECES = 1
/** What others have for themselves between two turns: the source may be in this thread. */
const PACE_MS = 2

/** The keyspace that is copied: JSON in the row of the restore. */
export interface CopySource extends LeaderAddress {
  readonly kind: 'keyspace'
  /** 0 is the current one. */
  readonly revision: Revision
  /** As that of an archive. */
  readonly bumpRevision: number
}

type CurrentAnswer = CopiedKeys | Refused

const compacted = statusOf('compacted').message

/** How far that has come. */
interface Copied {
  readonly revision: Revision
  readonly options: ArchivedOptions | undefined
  /** The last row of the log that is there. */
  readonly last: ChangeId
  /** Whether all of them are. */
  readonly isLogWhole: boolean
  /** The last key that is current, in base64. */
  readonly lastKey?: string
  readonly compactRevision: Revision
  /** What makes the triggers again that are not there meanwhile. */
  readonly triggers: readonly string[]
}

/**
 * Makes a keyspace from another one that is there, without its archive: first the log, in the order of
 * changes, then what is current, in the order of keys. Each table is so written from its beginning to its
 * end: 100,000 keys take half a second, and change by change in any other order 4. What is to be read next
 * is asked for before what has come is written.
 */
export class CopyRestore {
  readonly #sql: Sql
  readonly #source: CopySource
  readonly #shard: () => CopyRpc
  readonly #disk = new DiskRoom(() => undefined)
  readonly #diskOpen: Promise<void>
  #step: Promise<RecoveryProgress> | undefined
  /** The log behind what is here; undefined where it is to be asked for. */
  #slices: CopySlices | undefined
  /** Of what has come. */
  readonly #receipts: string[] = []
  /** What is current behind a key, asked for ahead. */
  #ahead: { readonly after: string; readonly current: Promise<CurrentAnswer> } | undefined

  constructor(
    sql: Sql,
    source: CopySource,
    { shard, machine }: { readonly shard: () => CopyRpc; readonly machine: Machine | undefined },
  ) {
    this.#sql = sql
    this.#source = source
    this.#shard = shard
    this.#diskOpen = this.#disk.open(machine)
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
    await this.#diskOpen
    for (;;) {
      const copied = this.#copied ?? (await this.#begin())
      if (!copied.isLogWhole) {
        await this.#copyLog(copied)
      } else if (await this.#copyCurrent(copied)) {
        return this.#finish(creation, copied)
      }
      if (Date.now() >= until) {
        return this.#told('creating', copied)
      }
    }
  }

  get #copied(): Copied | undefined {
    return progressIn(this.#sql).progress as Copied | undefined
  }

  async #begin(): Promise<Copied> {
    const begun = answered(await this.#shard().copyBegin(this.#source.revision))
    const { revision, state, tree } = begun
    const last = { main: 0, sub: 0 }
    const { options } = state
    return this.#sql.transaction(() => {
      new StateRestore(this.#sql, random).take(state)
      insertTree(this.#sql, tree)
      const triggers = dropTriggers(this.#sql)
      const begin = { revision, options, last, isLogWhole: false, compactRevision: -1, triggers }
      recordProgress(this.#sql, 0, begin)
      return begin
    })
  }

  /** Some of it; what has failed is asked for anew. */
  async #copyLog(copied: Copied): Promise<void> {
    this.#slices ??= this.#slicesBehind(copied)
    const slices = this.#slices
    try {
      await this.#writeLog(copied, await slices.next(), slices.isDone)
      return
    } catch (error) {
      this.#slices = undefined
      throw error
    }
  }

  #slicesBehind({ last, revision }: Copied): CopySlices {
    const ask = async (after: ChangeId, until: Revision): Promise<CopiedLog> =>
      answered(await this.#shard().copyRows(after, until, this.#takeReceipts()))
    return new CopySlices(ask, last, revision)
  }

  async #writeLog(copied: Copied, { pieces, ...log }: CopiedLog, isLast: boolean): Promise<void> {
    this.#receipts.push(log.receipt)
    // Those that were answered before may have been read later.
    const compactRevision = Math.max(copied.compactRevision, log.compactRevision)
    this.#requireHistory(copied.revision, compactRevision)
    let { last } = copied
    for (let left = pieces; left.length > 0;) {
      const some = left.slice(0, turnPieces(left))
      left = left.slice(some.length)
      const isLogWhole = isLast && left.length === 0
      last = some.findLast((rows) => rows.last !== undefined)?.last ?? last
      some.forEach((rows) => this.#requireRoom(rows))
      this.#sql.transaction(() => {
        let { count } = progressIn(this.#sql)
        for (const rows of some) {
          insertCopied(this.#sql, rows)
          count += rows.count
        }
        recordProgress(this.#sql, count, { ...copied, last, isLogWhole, compactRevision })
      })
      // What it was sent in is not to wait for the collector.
      some.forEach(({ piece }) => release(piece))
      await scheduler.wait(PACE_MS)
    }
  }

  /** What the source has compacted beyond the revision is lost to the copy. */
  #requireHistory(revision: Revision, compactRevision: Revision): void {
    if (compactRevision > revision) {
      throw compactedMeanwhile(revision)
    }
  }

  #requireRoom(rows: CopiedRows): void {
    if (!this.#disk.take(COST_PER_BYTE * rowsBytes(rows))) {
      throw new EngineError('no-space')
    }
  }

  /** Answers whether all of them are there. */
  async #copyCurrent(copied: Copied): Promise<boolean> {
    const { lastKey = '', revision } = copied
    const ahead = this.#ahead?.after === lastKey ? this.#ahead.current : undefined
    this.#ahead = undefined
    const current = await this.#answeredCurrent(ahead ?? this.#askCurrent(lastKey, revision))
    const last = current.at(-1)?.last
    if (last !== undefined) {
      const after = toBase64(last)
      this.#ahead = { after, current: this.#askCurrent(after, revision) }
    }
    for (let at = 0; at < current.length; at += TURN_PIECES) {
      const some = current.slice(at, at + TURN_PIECES)
      const end = some.at(-1)?.last
      this.#sql.transaction(() => {
        some.forEach((piece) => insertCurrent(this.#sql, piece))
        const next = end && { lastKey: toBase64(end) }
        recordProgress(this.#sql, progressIn(this.#sql).count, { ...copied, ...next })
      })
      some.forEach(({ piece }) => release(piece))
      await scheduler.wait(PACE_MS)
    }
    return last === undefined
  }

  #askCurrent(lastKey: string, revision: Revision): Promise<CurrentAnswer> {
    const after = lastKey === '' ? undefined : fromBase64(lastKey)
    const current = this.#shard().copyCurrent(revision, after, this.#takeReceipts())
    // Whoever waits for it hears of its failure.
    current.catch(() => undefined)
    return current
  }

  async #answeredCurrent(current: Promise<CurrentAnswer>): Promise<readonly CopiedCurrent[]> {
    const answer = await current
    if (isRefused(answer) && answer.refused.message === compacted) {
      throw compactedMeanwhile(this.#copied?.revision ?? 0)
    }
    const { pieces, receipt } = answered(answer)
    this.#receipts.push(receipt)
    return pieces
  }

  /** Those that the source has not heard of. */
  #takeReceipts(): readonly string[] {
    return this.#receipts.splice(0)
  }

  #finish(creation: Creation, copied: Copied): RecoveryProgress {
    const told = this.#told('ready', copied)
    const options = optionsFor(creation, copied.options)
    this.#sql.transaction(() => {
      createTriggers(this.#sql, copied.triggers)
      const history = new HistoryRestore(this.#sql)
      if (copied.compactRevision >= 0) {
        // What the source has not deleted yet is to go here as well.
        history.compacted(copied.compactRevision, false)
      }
      history.bump(copied.revision, this.#source.bumpRevision)
      startLeases(this.#sql, Date.now())
      endRestore(this.#sql)
      recordCreation(this.#sql, { ...creation, ...options })
    })
    return { ...told, options }
  }

  #told(state: RecoveryProgress['state'], { revision, last }: Copied): RecoveryProgress {
    const { count } = progressIn(this.#sql)
    return { state, revision: last.main, target: revision, changes: count }
  }
}

/** How many of the pieces are written in a turn. */
function turnPieces(pieces: readonly CopiedRows[]): number {
  let bytes = 0
  let rows = 0
  const enough = pieces.findIndex((piece) => {
    bytes += rowsBytes(piece)
    rows += piece.count
    return bytes >= TURN_BYTES || rows >= TURN_ROWS
  })
  return enough === -1 ? pieces.length : enough + 1
}

function compactedMeanwhile(revision: Revision): RpcStatus {
  return new RpcStatus(
    Code.ABORTED,
    `revision ${revision} was compacted while it was copied, try again`,
  )
}

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

function answered<T>(answer: T | Refused): Exclude<T, Refused> {
  if (isRefused(answer)) {
    throw new RpcStatus(answer.refused.code, answer.refused.message)
  }
  return answer as Exclude<T, Refused>
}
