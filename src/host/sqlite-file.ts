import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { defragmentFile, removeCopy, syncPath } from './defragment.ts'
import { LogFlush } from './log-flush.ts'
import { LOG_PAGES } from './log-room.ts'
import { parametersOf, SqlCheck } from './sql-check.ts'
import { bindable, sqlLimits, type SqlValue } from './sql-limits.ts'

export type Row = unknown[]

/** One of the object's. */
interface Statement {
  readonly prepared: StatementSync
  readonly writes: boolean
  /** Other statements may have other columns when it has run. */
  readonly alters: boolean
  readonly parameters: number
  readonly columns: readonly string[]
  /** The statements behind it in its text. */
  readonly rest: string
}

/** Statements are constant texts; a program that made them up would fill the memory. */
const STATEMENTS_MAX = 1000

const CREATE_METADATA =
  'CREATE TABLE IF NOT EXISTS _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB)'
const SELECT_ALARM = 'SELECT value FROM _cf_METADATA WHERE key = 1'
const SELECT_METADATA = `SELECT 1 FROM sqlite_schema WHERE name = '_cf_METADATA'`
const UPSERT_ALARM =
  'INSERT INTO _cf_METADATA (key, value) VALUES (1, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'
const DELETE_ALARM = 'DELETE FROM _cf_METADATA WHERE key = 1'

const NS_PER_MS = 1_000_000n

/** SQLite starts its log anew after 16 MB. What one huge turn has made of it is not kept for ever. */
const LOG_BYTES_MAX = 64 * 1024 * 1024
/**
 * So much of the file is read where the system has it in memory. To copy each page takes a call of the system, a
 * seventh of the time of a long list. It counts as the process' memory, though the system may take it back.
 */
const MAPPED_BYTES_MAX = 64 * 1024 * 1024
/** Of the file that is free, in pages: where it is less, a copy is not worth its time. */
const FREE_PART_MIN = 0.1

export interface SqliteListener {
  /** The first write since the last commit: somebody has to call `commit`. */
  begun(): void
  /** That commit is on disk, and all before it. */
  durable(commit: number): void
  /** The disk has not taken what was committed, or SQLite has undone it: the object is broken. */
  failed(error: unknown): void
}

/**
 * The file of one object, as workerd keeps it: the tables of the object, and its alarm in
 * `_cf_METADATA`. Until something is written there is no file, because any name has an object. What is
 * written is in one transaction until `commit`.
 */
export class SqliteFile {
  readonly #path: string
  readonly #listener: SqliteListener
  /** The object's, which are checked. */
  readonly #statements = new Map<string, Statement>()
  /** The host's own. */
  readonly #own = new Map<string, StatementSync>()
  readonly #flush: LogFlush
  #database: DatabaseSync
  #check: SqlCheck
  #isStored: boolean
  #isOpen = true
  #inTransaction = false
  /** Something was written in the transaction. */
  #begun = false
  #depth = 0
  /** Tables were made or altered since the commit. */
  #altered = false
  /** Something has been asked of it since this was last set to false. */
  used = false

  constructor(path: string, listener: SqliteListener) {
    this.#path = path
    this.#listener = listener
    this.#isStored = existsSync(path)
    if (this.#isStored) {
      removeCopy(path)
    }
    this.#database = this.#open()
    this.#check = new SqlCheck(this.#database)
    this.#flush = new LogFlush(
      `${path}-wal`,
      (commit) => listener.durable(commit),
      (error) => listener.failed(error),
    )
  }

  #reopen(): void {
    this.#statements.clear()
    this.#own.clear()
    this.#database = this.#open()
    this.#check = new SqlCheck(this.#database)
  }

  #open(): DatabaseSync {
    if (!this.#isStored) {
      return new DatabaseSync(':memory:', { limits: sqlLimits })
    }
    const database = new DatabaseSync(this.#path, { limits: sqlLimits })
    // One process has the file, so no lock is taken for each read, and the index of the log is in memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`)
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES_MAX}`)
    // Each commit is flushed by LogFlush; checkpoints flush by themselves.
    database.exec('PRAGMA synchronous = NORMAL')
    database.exec(`PRAGMA mmap_size = ${MAPPED_BYTES_MAX}`)
    return database
  }

  /** Whether there is something that is not on disk yet. */
  get begun(): boolean {
    return this.#begun
  }

  /** Bytes of the pages in use. */
  get size(): number {
    const pages = this.#pragma('page_count') - this.#pragma('freelist_count')
    return pages * this.#pragma('page_size')
  }

  #pragma(name: string): number {
    const row = this.#ownStatement(`PRAGMA ${name}`).get() as unknown as number[] | undefined
    return row?.[0] ?? 0
  }

  /** All rows of a statement, or of the last of several; `columns` are their names. */
  exec(text: string, params: readonly SqlValue[]): { columns: readonly string[]; rows: Row[] } {
    this.#requireOpen()
    let statement = this.#statement(text)
    const isLast = statement.rest === ''
    if (statement.parameters !== (isLast ? params.length : 0)) {
      throw new Error('Wrong number of parameter bindings for SQL query.')
    }
    const bound = isLast ? params.map(bindable) : []
    if (statement.writes && !this.#begun) {
      this.#write()
      // The file may have come into being with it, for which nothing was prepared.
      statement = this.#statement(text)
    }
    const { prepared, columns, alters, rest } = statement
    const rows = this.#watched(() => prepared.all(...bound)) as unknown as Row[]
    if (alters) {
      this.#altered = true
      this.#statements.clear()
    }
    if (!isLast) {
      return this.exec(rest, params)
    }
    for (const row of rows) {
      for (let place = 0; place < row.length; place++) {
        const cell = row[place]
        // A Durable Object answers blobs as buffers.
        if (cell instanceof Uint8Array) {
          row[place] = cell.buffer
        }
      }
    }
    return { columns, rows }
  }

  #requireOpen(): void {
    this.used = true
    if (!this.#isOpen) {
      throw new Error('the object is no longer in memory: its storage is closed')
    }
  }

  #statement(text: string): Statement {
    return this.#statements.get(text) ?? this.#prepare(text)
  }

  #prepare(text: string): Statement {
    const checked = this.#check.prepare(() => this.#database.prepare(text))
    const { prepared } = checked
    const { sourceSQL } = prepared
    prepared.setReturnArrays(true)
    const statement = {
      ...checked,
      parameters: parametersOf(sourceSQL),
      columns: prepared.columns().map(({ name }) => name),
      rest: restOf(text, sourceSQL),
    }
    if (this.#statements.size >= STATEMENTS_MAX) {
      this.#statements.clear()
    }
    this.#statements.set(text, statement)
    return statement
  }

  #ownStatement(text: string): StatementSync {
    let statement = this.#own.get(text)
    if (statement === undefined) {
      statement = this.#database.prepare(text)
      statement.setReturnArrays(true)
      this.#own.set(text, statement)
    }
    return statement
  }

  #write(): void {
    this.#begin()
    this.#begun = true
    this.#listener.begun()
  }

  #begin(): void {
    if (this.#inTransaction) {
      return
    }
    const isNew = !this.#isStored
    if (isNew) {
      this.#database.close()
      this.#isStored = true
      this.#reopen()
    }
    this.#run('BEGIN')
    this.#inTransaction = true
    if (isNew) {
      this.#savepoints()
    }
  }

  /** Those that were open before there was a file. */
  #savepoints(): void {
    for (let depth = 0; depth < this.#depth; depth++) {
      this.#run(`SAVEPOINT ${savepoint(depth)}`)
    }
  }

  #run(text: string): void {
    this.#watched(() => this.#ownStatement(text).run())
  }

  /** Nothing may run behind a transaction that is gone: it would be stored by itself. */
  #watched<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      if (this.#inTransaction && this.#isOpen && !this.#database.isTransaction) {
        this.#listener.failed(error)
      }
      throw error
    }
  }

  /** A savepoint: what `body` writes is undone where it throws. May be nested. */
  transaction<T>(body: () => T): T {
    this.#requireOpen()
    const depth = this.#depth++
    try {
      // Where there is no file, the first write makes them all.
      if (this.#isStored) {
        this.#begin()
        this.#run(`SAVEPOINT ${savepoint(depth)}`)
      }
      const result = body()
      if (this.#inTransaction) {
        this.#run(`RELEASE ${savepoint(depth)}`)
      }
      return result
    } catch (error) {
      // An object that is lost has nothing to undo any more.
      if (this.#inTransaction) {
        this.#run(`ROLLBACK TO ${savepoint(depth)}`)
        this.#run(`RELEASE ${savepoint(depth)}`)
        if (this.#altered) {
          this.#statements.clear()
        }
      }
      throw error
    } finally {
      this.#depth--
      if (this.#depth === 0 && !this.#begun && this.#inTransaction) {
        this.#end()
      }
    }
  }

  /** The alarm in ms since 1970. */
  get alarm(): number | null {
    this.#requireOpen()
    if (this.#ownStatement(SELECT_METADATA).get() === undefined) {
      return null
    }
    const prepared = this.#ownStatement(SELECT_ALARM)
    // Nanoseconds since 1970 are beyond 2^53.
    prepared.setReadBigInts(true)
    const row = prepared.get() as unknown as [bigint] | undefined
    return row === undefined ? null : Number(row[0] / NS_PER_MS)
  }

  set alarm(time: number | null) {
    this.#requireOpen()
    if (time === null && this.alarm === null) {
      return
    }
    if (!this.#begun) {
      this.#write()
    }
    this.#run(CREATE_METADATA)
    if (time === null) {
      this.#run(DELETE_ALARM)
    } else {
      this.#ownStatement(UPSERT_ALARM).run(BigInt(time) * NS_PER_MS)
    }
  }

  /**
   * Ends the transaction; the listener hears when that is on disk, perhaps at once. Throws where SQLite
   * does not take it: then nothing of it was stored, and the object is broken.
   */
  commit(commit: number): void {
    this.#end()
    this.#begun = false
    this.#flush.written(commit)
  }

  #end(): void {
    this.#run('COMMIT')
    this.#inTransaction = false
    this.#altered = false
  }

  /**
   * Gives the free pages back to the disk, and what the log takes. Nothing else runs meanwhile, and
   * nothing may be begun. Throws where the disk has no room for a copy; then all is as it was.
   */
  defragment(): void {
    if (!this.#isOpen || !this.#isStored || this.#inTransaction) {
      return
    }
    const unsettled = this.#flush.settle()
    if (unsettled !== undefined) {
      throw unsettled
    }
    const isWorthIt = this.#pragma('freelist_count') > FREE_PART_MIN * this.#pragma('page_count')
    if (this.#pragma('wal_checkpoint(TRUNCATE)') !== 0) {
      throw new Error('the write-ahead log is in use')
    }
    this.#flush.close()
    if (isWorthIt) {
      // An old log that came back with the power would be written into the new file.
      syncPath(`${this.#path}-wal`)
      this.#database.close()
      try {
        defragmentFile(this.#path)
      } finally {
        this.#reopenOrFail()
      }
    }
  }

  #reopenOrFail(): void {
    try {
      this.#reopen()
    } catch (error) {
      this.#listener.failed(error)
    }
  }

  /** Everything is gone, file and all. */
  deleteAll(): void {
    this.#requireOpen()
    this.#forget()
    this.#flush.close()
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      rmSync(this.#path + suffix, { force: true })
    }
    removeCopy(this.#path)
    syncPath(dirname(this.#path))
    this.#isStored = false
    this.#reopen()
  }

  /** What was not committed is undone; what was committed is on disk when this returns. */
  close(): void {
    if (this.#isOpen) {
      this.#flush.end()
      this.abandon()
    }
  }

  /** The listener hears of what was committed before, unless that cannot be brought to the disk either. */
  settle(): Error | undefined {
    return this.#isOpen ? this.#flush.settle() : undefined
  }

  /**
   * What was not committed is undone, and of what was committed nobody is told any more. SQLite writes
   * its log into the file when it closes it, so that nothing rests on a log that could not be flushed.
   */
  abandon(): void {
    if (this.#isOpen) {
      this.#isOpen = false
      this.#flush.close()
      this.#forget()
    }
  }

  #forget(): void {
    this.#statements.clear()
    this.#own.clear()
    if (this.#inTransaction) {
      this.#inTransaction = false
      this.#begun = false
      // Where the disk has failed, SQLite has undone it by itself.
      if (this.#database.isTransaction) {
        this.#database.exec('ROLLBACK')
      }
    }
    if (this.#database.isOpen) {
      this.#database.close()
    }
  }
}

/** What of a text stands behind its first statement: nothing, where there are but spaces and semicolons. */
function restOf(text: string, first: string): string {
  const rest = text.slice(text.indexOf(first) + first.length)
  return /^[\s;]*$/.test(rest) ? '' : rest
}

const savepoint = (depth: number): string => `_cf_savepoint_${depth}`
