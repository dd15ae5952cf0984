import { UserRestore } from '../auth/restored-users.ts'
import { decodeBatch } from '../etcd-file/entry-batch.ts'
import type { BucketEntry } from '../etcd-file/etcd-file.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import { type EtcdRecord, recordOf } from '../etcd-file/record.ts'
import { forgetLeases, restoreLease, startLeases } from '../lease/restored-leases.ts'
import { AlarmStore, AlarmType } from '../maintenance/alarm.ts'
import { Downgrade } from '../maintenance/downgrade.ts'
import { Quota } from '../maintenance/quota.ts'
import { ChangesSum } from '../mvcc/changes-sum.ts'
import { EngineError } from '../mvcc/errors.ts'
import { migrate } from '../mvcc/migrations.ts'
import { BrokenHistory, HistoryRestore } from '../mvcc/restore.ts'
import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import type { Creation, RestoreProgress, RestoreTotal } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { CLUSTER_VERSION } from '../protocol/version.ts'
import { nextTurn } from './commit.ts'
import { recordCreation } from './creation.ts'
import { DiskRoom } from './disk-room.ts'
import type { Machine } from './machine.ts'
import { migrations } from './migrations.ts'

/** What is written in a turn: some milliseconds. */
const TURN_ENTRIES = 250
const TURN_BYTES = 256 * 1024
/** The history is in two tables, of which one has no values that are long. */
const COST_PER_BYTE = 2
/** How long a call checks before it says that it is not done. */
const CHECK_MS = 5_000

const SELECT_TABLE = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'restore'`
const SELECT_RESTORE = 'SELECT id, entries, touched FROM restore'
const INSERT_RESTORE = 'INSERT INTO restore (one, id, entries, touched) VALUES (1, ?, 0, ?)'
const UPDATE_RESTORE = 'UPDATE restore SET entries = ?, touched = ?'
const DELETE_RESTORE = 'DELETE FROM restore'

/** Whatever the quota of the keyspace is: as in etcd, it holds for what is written later. */
const space = new Quota(-1)

interface RestoreState {
  readonly id: string
  /** So many of the file have come. */
  readonly entries: number
  /** When the last did, in milliseconds since 1970; later where its client asked for patience. */
  readonly touched: number
}

/** The restore that is under way in a storage; undefined where there is none. Writes nothing. */
export function restoreIn(sql: Sql): RestoreState | undefined {
  const row = sql.first(SELECT_TABLE) && sql.first(SELECT_RESTORE)
  return row && { id: textOf(row[0]), entries: numberOf(row[1]), touched: numberOf(row[2]) }
}

/** Begins one in an empty storage. */
export function beginRestore(sql: Sql, id: string, now: number): void {
  sql.transaction(() => {
    migrate(sql, migrations)
    sql.run(INSERT_RESTORE, id, now)
  })
}

/**
 * Makes a keyspace from the entries of a file of etcd's. They come in batches, which may come twice, and
 * are written turn by turn. The keyspace is one when all of it is there and was found to be what the
 * file is; until then its object answers as if there were nothing.
 */
export class Restore {
  readonly #sql: Sql
  readonly #id: string
  #history: HistoryRestore
  readonly #users: UserRestore
  readonly #disk = new DiskRoom(() => undefined)
  readonly #diskOpen: Promise<void>
  readonly #sum = new ChangesSum()
  #check: Generator<void, void> | undefined

  /** That of the id must be under way. */
  constructor(sql: Sql, id: string, machine: Machine | undefined) {
    this.#sql = sql
    this.#id = id
    this.#diskOpen = this.#disk.open(machine)
    this.#history = new HistoryRestore(sql)
    this.#users = new UserRestore(sql, (length) => crypto.getRandomValues(new Uint8Array(length)))
  }

  get #state(): RestoreState {
    const state = restoreIn(this.#sql)
    if (state?.id !== this.#id) {
      throw statusOf('restore-not-found')
    }
    return state
  }

  /**
   * Takes the entries of a batch, of which the first is that number of the file's. Throws RpcStatus. It
   * may stay alone for `patience` seconds longer than others.
   */
  async add(first: number, batch: Uint8Array, patience: number): Promise<void> {
    this.#check = undefined
    try {
      const entries = decodeBatch(batch)
      await this.#diskOpen
      if (!this.#disk.take(COST_PER_BYTE * batch.length)) {
        throw new EngineError('no-space')
      }
      while (this.#sql.transaction(() => this.#turn(first, entries))) {
        await nextTurn()
      }
      this.#touch(patience)
    } catch (error) {
      this.#history = new HistoryRestore(this.#sql)
      throw refusalOf(error)
    }
  }

  /** Answers whether more of them are left. */
  #turn(first: number, entries: readonly BucketEntry[]): boolean {
    let next = this.#state.entries - first
    if (next < 0) {
      throw new RpcStatus(
        Code.OUT_OF_RANGE,
        `entry ${this.#state.entries} is to come before ${first}`,
      )
    }
    const end = Math.min(entries.length, next + TURN_ENTRIES)
    for (let bytes = 0; next < end && bytes < TURN_BYTES; next++) {
      const entry = entries[next]
      if (entry !== undefined) {
        bytes += entry.key.length + entry.value.length
        this.#take(recordOf(entry))
      }
    }
    if (!space.available(this.#sql.databaseSize, 1)) {
      throw new EngineError('no-space')
    }
    this.#sql.run(UPDATE_RESTORE, Math.max(first + next, this.#state.entries), Date.now())
    return next < entries.length
  }

  #touch(patience: number): void {
    this.#sql.run(UPDATE_RESTORE, this.#state.entries, Date.now() + 1000 * patience)
  }

  #take(record: EtcdRecord): void {
    switch (record.kind) {
      case 'change':
        this.#history.change(record.change)
        break
      case 'compaction':
        this.#history.compacted(record.revision, record.finished)
        break
      case 'lease':
        restoreLease(this.#sql, record.lease)
        break
      case 'user':
        this.#users.user(record.name, record.user)
        break
      case 'role':
        this.#users.role(record.name, record.role)
        break
      case 'auth-enabled':
        if (record.enabled) {
          this.#users.enable()
        }
        break
      case 'auth-revision':
        this.#users.revision(record.revision)
        break
      case 'alarm':
        new AlarmStore(this.#sql).activate(record.alarm)
        break
      case 'downgrade':
        this.#downgrade(record.target)
        break
      case 'state-anew':
        this.#forgetState()
        break
      case 'mark':
      case 'other':
        break
    }
  }

  #forgetState(): void {
    forgetLeases(this.#sql)
    this.#users.forget()
    const alarms = new AlarmStore(this.#sql)
    alarms.get(AlarmType.NONE).forEach((alarm) => alarms.deactivate(alarm))
    new Downgrade(this.#sql, CLUSTER_VERSION).cancel()
  }

  /** One that this version cannot go to has ended with the move. */
  #downgrade(target: string): void {
    const downgrade = new Downgrade(this.#sql, CLUSTER_VERSION)
    if (downgrade.refusal(target) === undefined) {
      downgrade.enable(target)
    }
  }

  /**
   * Checks what has come against what the file has, and makes it a keyspace where it is that. Answers
   * whether it is one; else it is to be asked again, as the check takes long. Throws RpcStatus.
   */
  async commit(total: RestoreTotal, creation: Creation): Promise<boolean> {
    const { entries } = this.#state
    if (entries !== total.entries) {
      throw new RpcStatus(Code.OUT_OF_RANGE, `${entries} entries of ${total.entries} have come`)
    }
    this.#sql.run(UPDATE_RESTORE, entries, Date.now())
    if (!(await this.#sumUp())) {
      return false
    }
    this.#become(total, creation)
    return true
  }

  /** How far it is. It sums meanwhile what has come, which is then not to be done when it ends. */
  async progress(): Promise<RestoreProgress> {
    const { entries } = this.#state
    return { entries, summed: await this.#sumUp() }
  }

  /** Answers whether all that has come is summed. */
  async #sumUp(): Promise<boolean> {
    const until = Date.now() + CHECK_MS
    for (;;) {
      this.#check ??= this.#sum.catchUp(this.#sql)
      if (this.#check.next().done === true) {
        this.#check = undefined
        return true
      }
      if (Date.now() >= until) {
        return false
      }
      await nextTurn()
    }
  }

  #become(total: RestoreTotal, creation: Creation): void {
    if (this.#sum.checksum !== total.changesSum) {
      throw new RpcStatus(Code.DATA_LOSS, 'the history that was written is not that of the file')
    }
    this.#sql.transaction(() => {
      startLeases(this.#sql, Date.now())
      this.#sql.run(DELETE_RESTORE)
      recordCreation(this.#sql, creation)
    })
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof FileProblem) {
    return new RpcStatus(Code.INVALID_ARGUMENT, `the file ${error.message}`)
  }
  if (error instanceof BrokenHistory) {
    return new RpcStatus(Code.INVALID_ARGUMENT, `the file is damaged: ${error.message}`)
  }
  return error
}
