import { type ArchivedRows, RowsWriter } from '../../archive/v2-rows.ts'
import type { Sql } from '../../mvcc/sql.ts'
import { bytesOfText } from '../../protocol/byte-text.ts'
import { latestRows } from '../../v2/latest-rows.ts'
import { keyOf, type V2Node } from '../../v2/node-table.ts'
import { eventRowOf, type NodeRow, type V2Change } from '../../v2/row-change.ts'
import type { V2Store } from '../../v2/store.ts'
import { TreeSnapshot } from '../../v2/tree-snapshot.ts'
import { SEGMENT_BYTES, SEGMENT_BYTES_MAX } from './schedule.ts'

/** More is not held until it is sent. It leaves room for what else an object has. */
const JOURNAL_BYTES_MAX = SEGMENT_BYTES_MAX - 1024 * 1024
/** What is read at once of what is not held. */
const LATEST_BYTES_MAX = SEGMENT_BYTES

/** Nobody knows any more what has become of the rows since. */
export const LOST = 'lost'

/**
 * What became of the v2 store's rows since the last segment, encoded when it happened. What is not held, as it was before
 * the object came into memory, is read of the 1,000 changes that the store remembers itself.
 */
export class V2Journal {
  readonly #sql: Sql
  readonly #store: V2Store
  readonly #isWanted: () => boolean
  #writer = new RowsWriter()
  /** The index that the rows follow from. */
  #from: number
  #isWhole = true
  /** Counts all bytes that were ever written here. */
  written = 0

  constructor(sql: Sql, store: V2Store, isWanted = (): boolean => true) {
    this.#sql = sql
    this.#store = store
    this.#isWanted = isWanted
    this.#from = store.index
    store.followers.add({ changed: (change) => this.#note(change) })
  }

  /** Of the store: it tells two states of it apart. */
  get index(): number {
    return this.#store.index
  }

  /** Whether the rows since an index are likely known. */
  reaches(index: number): boolean {
    return (this.#isWhole && index === this.#from) || this.#store.remembers(index)
  }

  /** What became of them since that index; undefined for nothing. What happens from now on is noted anew. */
  take(since: number): ArchivedRows | typeof LOST | undefined {
    const [from, to] = [this.#from, this.index]
    const writer = this.#isWhole && from === since ? this.#writer : undefined
    this.#begin(to)
    if (since === to) {
      return undefined
    }
    return writer === undefined
      ? rowsSince(this.#sql, since, to)
      : { from: since, to, rows: writer.end() }
  }

  /** What was taken could not be sent. */
  putBack({ from, to, rows }: ArchivedRows): void {
    const bytes = rows.pieces.reduce((sum, piece) => sum + piece.length, 0)
    const isNext = this.#isWhole && to === this.#from && from !== null
    if (isNext && bytes + this.#writer.bytes <= JOURNAL_BYTES_MAX) {
      this.#writer.prepend(rows)
      this.#from = from
    }
  }

  #begin(from: number): void {
    this.#writer = new RowsWriter()
    this.#from = from
    this.#isWhole = true
  }

  #note(change: V2Change): void {
    const { written, gone } = change
    if (!this.#isWhole) {
      return
    }
    if (!this.#isWanted() || this.#writer.bytes > JOURNAL_BYTES_MAX) {
      this.#drop()
      return
    }
    const before = this.#writer.bytes
    for (const node of written) {
      this.#writer.add(rowOf(node))
    }
    if (gone !== undefined) {
      const isDirectory = gone.value === undefined
      this.#writer.add({ kind: 'gone', path: bytesOfText(gone.path), isDirectory })
    }
    this.#writer.add(eventRowOf(change))
    this.written += this.#writer.bytes - before
    if (this.#writer.bytes > JOURNAL_BYTES_MAX) {
      this.#drop()
    }
  }

  #drop(): void {
    this.#writer = new RowsWriter()
    this.#isWhole = false
  }
}

/** From what the store remembers. */
export function rowsSince(sql: Sql, from: number, to: number): ArchivedRows | typeof LOST {
  const latest = latestRows(sql, { from, to, bytesMax: LATEST_BYTES_MAX })
  if (latest === undefined) {
    return LOST
  }
  const writer = new RowsWriter()
  latest.forEach((row) => writer.add(row))
  return { from, to, rows: writer.end() }
}

/** All rows at once, unless they are too many: they are of one moment. */
export function rowsOfAll(sql: Sql, store: V2Store, bytesMax: number): ArchivedRows | typeof LOST {
  const writer = new RowsWriter()
  const tree = new TreeSnapshot(sql, store)
  for (let some = tree.next(bytesMax); some !== undefined; some = tree.next(bytesMax)) {
    some.forEach((row) => writer.add(row))
    if (writer.bytes > bytesMax) {
      tree.end()
      return LOST
    }
  }
  return { from: null, to: tree.index, rows: writer.end() }
}

function rowOf({ path, created, modified, expires, value }: V2Node): NodeRow {
  const { parent, name } = keyOf(path)
  const bytes = value === undefined ? undefined : bytesOfText(value)
  return { kind: 'node', parent, name, created, modified, expires, value: bytes }
}
