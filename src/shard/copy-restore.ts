import type { ArchivedOptions } from '../archive/state.ts'
import { startLeases } from '../lease/restored-leases.ts'
import { createTriggers, dropTriggers, insertCurrent } from '../mvcc/current-copy.ts'
import { EngineError } from '../mvcc/errors.ts'
import { type CopiedRows, insertCopied } from '../mvcc/log-copy.ts'
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
import { Code, RpcStatus } from '../protocol/status.ts'
import { insertTree } from '../v2/tree-copy.ts'
import { nextTurn } from './commit.ts'
import type { CopiedLog, CopyRpc } from './copy-source.ts'
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
/** Pieces of the log that a turn of the event loop writes: some milliseconds, and one commit. */
const TURN_PIECES = 8

/** The keyspace that is copied: JSON in the row of the restore. */
export interface CopySource extends LeaderAddress {
  readonly kind: 'keyspace'
  /** 0 is the current one. */
  readonly revision: Revision
  /** As that of an archive. */
  readonly bumpRevision: number
}

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
  /** What is behind a row of the log, asked for ahead. */
  #ahead: { readonly after: ChangeId; readonly log: Promise<CopiedLog | Refused> } | undefined

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

  async #copyLog({ revision, ...rest }: Copied): Promise<void> {
    const { pieces, compactRevision } = answered(await this.#rowsBehind(rest.last, revision))
    this.#requireHistory(revision, compactRevision)
    this.#askAhead(pieces.at(-1)?.last, revision)
    let { last } = rest
    for (let at = 0; at < pieces.length; at += TURN_PIECES) {
      const some = pieces.slice(at, at + TURN_PIECES)
      const isLogWhole = some.at(-1)?.last === undefined
      last = some.findLast((rows) => rows.last !== undefined)?.last ?? last
      some.forEach((rows) => this.#requireRoom(rows))
      this.#sql.transaction(() => {
        let { count } = progressIn(this.#sql)
        for (const rows of some) {
          insertCopied(this.#sql, rows)
          count += rows.count
        }
        const copied = { ...rest, revision, last, isLogWhole, compactRevision }
        recordProgress(this.#sql, count, copied)
      })
      await nextTurn()
    }
  }

  async #rowsBehind(after: ChangeId, revision: Revision): Promise<CopiedLog | Refused> {
    const ahead = this.#ahead
    this.#ahead = undefined
    const isIt = ahead?.after.main === after.main && ahead.after.sub === after.sub
    return isIt ? ahead.log : this.#shard().copyRows(after, revision)
  }

  #askAhead(after: ChangeId | undefined, revision: Revision): void {
    if (after !== undefined) {
      const log = this.#shard().copyRows(after, revision)
      // Whoever waits for it next hears of its failure.
      log.catch(() => undefined)
      this.#ahead = { after, log }
    }
  }

  /** What the source has compacted beyond the revision is lost to the copy. */
  #requireHistory(revision: Revision, compactRevision: Revision): void {
    if (compactRevision > revision) {
      throw new RpcStatus(
        Code.ABORTED,
        `revision ${revision} was compacted while it was copied, try again`,
      )
    }
  }

  #requireRoom({ piece, long }: CopiedRows): void {
    const longBytes = long.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    if (
      !this.#disk.take(
        COST_PER_BYTE * (piece.keys.length + (piece.values?.length ?? 0) + longBytes),
      )
    ) {
      throw new EngineError('no-space')
    }
  }

  /** Answers whether all of them are there. */
  async #copyCurrent(copied: Copied): Promise<boolean> {
    const { lastKey, revision } = copied
    const after = lastKey === undefined ? undefined : fromBase64(lastKey)
    const current = answered(await this.#shard().copyCurrent(revision, after))
    const last = current.at(-1)?.last
    this.#sql.transaction(() => {
      current.forEach((piece) => insertCurrent(this.#sql, piece))
      const next = last && { lastKey: toBase64(last) }
      recordProgress(this.#sql, progressIn(this.#sql).count, { ...copied, ...next })
    })
    await nextTurn()
    return last === undefined
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

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

function answered<T>(answer: T | Refused): Exclude<T, Refused> {
  if (isRefused(answer)) {
    throw new RpcStatus(answer.refused.code, answer.refused.message)
  }
  return answer as Exclude<T, Refused>
}
