import { bytesOf, numberOf, type Sql, type SqlParam } from '../mvcc/sql.ts'
import { bytesOfText } from '../protocol/byte-text.ts'
import { V2Error } from './error.ts'
import type { V2Event } from './event.ts'
import { prefixOf } from './path.ts'

/** How many changes are remembered, as in etcd's store. */
export const HISTORY_EVENTS_MAX = 1000
/** etcd's store has counted so far when a new server begins to serve: its member and its version are in it. */
export const FIRST_INDEX = 3
/** What is longer is kept in parts, as a Durable Object takes 2 MB in a row. */
export const PART_BYTES_MAX = 1024 * 1024

const SELECT_LAST = 'SELECT max(position) FROM v2_event'
const SELECT_LONG = 'SELECT DISTINCT slot FROM v2_event_part'
export const REPLACE_EVENT =
  'REPLACE INTO v2_event (slot, position, path, silent, removed, event) VALUES (?, ?, ?, ?, ?, ?)'
export const INSERT_PART = 'INSERT INTO v2_event_part (slot, part, event) VALUES (?, ?, ?)'
export const DELETE_PARTS = 'DELETE FROM v2_event_part WHERE slot = ?'
const SELECT_PARTS = 'SELECT event FROM v2_event_part WHERE slot = ? ORDER BY part'
/** Of what happened at a path, below it, or to a whole directory whose path it begins with. */
const SELECT_FIRST = `
SELECT slot, event FROM v2_event
WHERE slot BETWEEN ? AND ? AND silent = 0 AND (path = ? OR (path >= ? AND path < ?)
  OR (removed = 1 AND path = substr(?, 1, length(path))))
ORDER BY slot LIMIT 1`

/** What a watcher is interested in. */
export interface V2Watched {
  readonly path: string
  readonly isRecursive: boolean
}

/** That of the latest change which is stored. */
export function lastIndex(sql: Sql): number {
  const [last] = sql.first(SELECT_LAST) ?? []
  return typeof last === 'number' ? last : FIRST_INDEX
}

/** The store's index, and its latest changes, each of which has counted it up. */
export class EventHistory {
  readonly #sql: Sql
  #index: number
  /** The slots whose events have further parts. */
  readonly #long: Set<number>

  constructor(sql: Sql) {
    this.#sql = sql
    this.#index = lastIndex(sql)
    this.#long = new Set(sql.all(SELECT_LONG).map(([slot]) => numberOf(slot)))
  }

  /** Of the latest change. */
  get index(): number {
    return this.#index
  }

  /** Of the first change that is remembered. */
  get start(): number {
    return Math.max(1, this.#index - HISTORY_EVENTS_MAX + 1)
  }

  /** Whether all changes behind an index are. */
  remembers(index: number): boolean {
    return index <= this.#index && this.#index - index <= HISTORY_EVENTS_MAX
  }

  /** The row of the change whose index is the next one; undefined where it is too long for a row. */
  shortRow(event: V2Event, path: Uint8Array): readonly SqlParam[] | undefined {
    const { bytes } = event
    const slot = (this.#index + 1) % HISTORY_EVENTS_MAX
    return bytes.length > PART_BYTES_MAX || this.#long.has(slot)
      ? undefined
      : this.#rowOf(event, path, bytes)
  }

  /** slot, position, path, silent, removed, event */
  #rowOf(event: V2Event, path: Uint8Array, bytes: Uint8Array): readonly SqlParam[] {
    const position = this.#index + 1
    return [
      position % HISTORY_EVENTS_MAX,
      position,
      path,
      event.isRefresh ? 1 : 0,
      event.removesDirectory ? 1 : 0,
      bytes,
    ]
  }

  /** Remembers the change whose index is the next one. Its transaction is the caller's, who calls `counted` behind it. */
  add(event: V2Event): void {
    const { bytes } = event
    const slot = (this.#index + 1) % HISTORY_EVENTS_MAX
    const path = bytesOfText(event.node.path)
    this.#sql.run(REPLACE_EVENT, ...this.#rowOf(event, path, bytes.subarray(0, PART_BYTES_MAX)))
    if (this.#long.has(slot)) {
      this.#sql.run(DELETE_PARTS, slot)
    }
    for (let at = PART_BYTES_MAX; at < bytes.length; at += PART_BYTES_MAX) {
      this.#sql.run(INSERT_PART, slot, at, bytes.subarray(at, at + PART_BYTES_MAX))
      this.#long.add(slot)
    }
  }

  /** The change that was remembered is there to stay. */
  counted(): void {
    this.#index++
  }

  /**
   * The first change from an index on that concerns a watcher, in JSON; undefined where it is still to
   * come. As in etcd, which looks at hidden keys here, and takes `/foobar` for part of a removed `/foo`.
   * Throws a V2Error for what is forgotten.
   */
  first(watched: V2Watched, since: bigint): string | undefined {
    if (since < BigInt(this.start)) {
      const cause = `the requested history has been cleared [${this.start}/${since}]`
      throw new V2Error(401, cause, this.#index)
    }
    if (since > BigInt(this.#index)) {
      return undefined
    }
    const from = Number(since) % HISTORY_EVENTS_MAX
    const last = this.#index % HISTORY_EVENTS_MAX
    if (from <= last) {
      return this.#firstBetween(from, last, watched)
    }
    return (
      this.#firstBetween(from, HISTORY_EVENTS_MAX - 1, watched) ??
      this.#firstBetween(0, last, watched)
    )
  }

  #firstBetween(from: number, to: number, watched: V2Watched): string | undefined {
    const path = bytesOfText(watched.path)
    const row = this.#sql.first(SELECT_FIRST, from, to, path, ...below(watched), path)
    if (row === undefined) {
      return undefined
    }
    const slot = numberOf(row[0])
    const parts = this.#long.has(slot) ? this.#sql.all(SELECT_PARTS, slot) : []
    const decoder = new TextDecoder()
    const text = [[row[1]], ...parts].map(([part]) =>
      decoder.decode(bytesOf(part), { stream: true }),
    )
    return text.join('')
  }
}

/** What lies below, as a range of paths; an empty one for who is told of the path alone. */
function below({ path, isRecursive }: V2Watched): readonly SqlParam[] {
  if (!isRecursive) {
    return [new Uint8Array(0), new Uint8Array(0)]
  }
  const start = bytesOfText(prefixOf(path))
  const end = start.slice()
  end[end.length - 1] = 0x30
  return [start, end]
}
