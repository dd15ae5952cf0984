import type { ArchivedOptions } from '../archive/state.ts'
import { startLeases } from '../lease/restored-leases.ts'
import { EngineError } from '../mvcc/errors.ts'
import { type CopiedRows, insertCopied, insertCurrent } from '../mvcc/log-copy.ts'
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
import { nextTurn } from './commit.ts'
import type { CopyRpc } from './copy-source.ts'
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

/** The keyspace that is copied: JSON in the row of the restore. */
export interface CopySource extends LeaderAddress {
  readonly kind: 'keyspace'
  /** 0 is the current one. */
  readonly revision: Revision
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
}

/**
 * Makes a keyspace from another one that is there, without its archive: first the log, in the order of
 * changes, then what is current, in the order of keys. Each table is so written from its beginning to its
 * end: 100,000 keys take half a second, and change by change in any other order 4.
 */
export class CopyRestore {
  readonly #sql: Sql
  readonly #source: CopySource
  readonly #shard: () => CopyRpc
  readonly #disk = new DiskRoom(() => undefined)
  readonly #diskOpen: Promise<void>
  #step: Promise<RecoveryProgress> | undefined

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
      } else if (await this.#copyPlaces(copied)) {
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
    const { revision, state } = begun
    const last = { main: 0, sub: 0 }
    const { options } = state
    const copied = { revision, options, last, isLogWhole: false, compactRevision: -1 }
    this.#sql.transaction(() => {
      new StateRestore(this.#sql, random).take(state)
      recordProgress(this.#sql, 0, copied)
    })
    return copied
  }

  /** Each piece is a turn. */
  async #copyLog({ revision, ...rest }: Copied): Promise<void> {
    const answer = await this.#shard().copyRows(rest.last, revision)
    const { pieces, compactRevision } = answered(answer)
    this.#requireHistory(revision, compactRevision)
    let { last } = rest
    for (const rows of pieces) {
      const isLogWhole = rows.last === undefined
      last = rows.last ?? last
      this.#requireRoom(rows)
      this.#sql.transaction(() => {
        const { count } = progressIn(this.#sql)
        insertCopied(this.#sql, rows)
        const copied = { ...rest, revision, last, isLogWhole, compactRevision }
        recordProgress(this.#sql, count + rows.count, copied)
      })
      await nextTurn()
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
  async #copyPlaces(copied: Copied): Promise<boolean> {
    const { lastKey, revision } = copied
    const after = lastKey === undefined ? undefined : fromBase64(lastKey)
    const places = answered(await this.#shard().copyPlaces(revision, after))
    this.#sql.transaction(() => {
      insertCurrent(this.#sql, places)
      const next = places.last && { lastKey: toBase64(places.last) }
      recordProgress(this.#sql, progressIn(this.#sql).count, { ...copied, ...next })
    })
    await nextTurn()
    return places.last === undefined
  }

  #finish(creation: Creation, copied: Copied): RecoveryProgress {
    const told = this.#told('ready', copied)
    const options = optionsFor(creation, copied.options)
    this.#sql.transaction(() => {
      if (copied.compactRevision >= 0) {
        // What the source has not deleted yet is to go here as well.
        new HistoryRestore(this.#sql).compacted(copied.compactRevision, false)
      }
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
