import { compareBytes } from '../mvcc/key-range.ts'
import type { Sql, SqlRow } from '../mvcc/sql.ts'
import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'
import { HISTORY_EVENTS_MAX } from './event-history.ts'
import { rangeBelow, SELECT_BELOW, SELECT_CHILDREN, SELECT_NODE } from './node-table.ts'
import { nameOf, parentOf, childOf } from './path.ts'
import { bytesOfRow, eventRowAt, type NodeRow, nodeRowOf, type V2Row } from './row-change.ts'
import type { V2Store } from './store.ts'

/** What is read at once: values may have 1.5 MiB. */
const ROWS_MAX = 25
/** So often is read at most before others have their turn. */
const READS_MAX = 40
const SELECT_BEHIND = `
SELECT parent, name, created, modified, expires, value FROM v2_node
WHERE (parent, name) > (?, ?) ORDER BY parent, name LIMIT ${ROWS_MAX}`
/** What changes before it was read is held in memory. */
const SAVED_BYTES_MAX = 64 * 1024 * 1024

/** The rows of a store as they are when this is made, read slice by slice while it goes on changing. */
export class TreeSnapshot {
  /** The store's, of that moment. */
  readonly index: number
  readonly #sql: Sql
  readonly #store: V2Store
  /** The last event that was read. */
  #position: number
  /** The last node that was read. */
  #parent: Uint8Array = new Uint8Array(0)
  #name: Uint8Array = new Uint8Array(0)
  #isOver = false
  /** What was to be read when it changed. */
  #saved: V2Row[] = []
  #savedBytes = 0
  /** Directories among it: no index of their own says that they have changed. */
  readonly #changed = new Set<string>()
  readonly #follower = {
    changing: (path: string, isDeletion: boolean) => this.#changing(path, isDeletion),
  }

  constructor(sql: Sql, store: V2Store) {
    this.#sql = sql
    this.#store = store
    this.index = store.index
    this.#position = Math.max(0, store.index - HISTORY_EVENTS_MAX)
    store.followers.add(this.#follower)
  }

  /** Some further rows, of about so many bytes; undefined behind the last ones. Throws where too much was changed meanwhile. */
  next(bytesMax: number): readonly V2Row[] | undefined {
    if (this.#savedBytes > SAVED_BYTES_MAX) {
      throw new Error('the v2 store has changed too fast to be read')
    }
    const rows = this.#saved
    let bytes = this.#savedBytes
    this.#saved = []
    this.#savedBytes = 0
    for (let reads = 0; reads < READS_MAX && bytes < bytesMax && !this.#isOver; reads++) {
      for (const row of this.#position < this.index ? this.#events() : this.#nodes()) {
        rows.push(row)
        bytes += bytesOfRow(row)
      }
    }
    return rows.length === 0 && this.#isOver ? undefined : rows
  }

  /** Nothing is read any more. */
  end(): void {
    this.#isOver = true
    this.#store.followers.delete(this.#follower)
  }

  #events(): readonly V2Row[] {
    const event = eventRowAt(this.#sql, ++this.#position, HISTORY_EVENTS_MAX)
    return event === undefined ? [] : [event]
  }

  #nodes(): readonly V2Row[] {
    const found = this.#sql.all(SELECT_BEHIND, this.#parent, this.#name).map(nodeRowOf)
    const last = found.at(-1)
    if (last === undefined) {
      this.end()
      return []
    }
    this.#parent = last.parent
    this.#name = last.name
    return found.filter((row) => this.#isAsItWas(row))
  }

  /** What is not was saved when it changed, or is new. */
  #isAsItWas({ parent, name, created, modified, value }: NodeRow): boolean {
    const isOld = created <= this.index && modified <= this.index
    return isOld && (value !== undefined || !this.#changed.has(pathOf(parent, name)))
  }

  #changing(path: string, isDeletion: boolean): void {
    const forgotten = this.#store.index + 1 - HISTORY_EVENTS_MAX
    if (forgotten > this.#position && forgotten <= this.index) {
      this.#position = forgotten
      this.#save(eventRowAt(this.#sql, forgotten, HISTORY_EVENTS_MAX))
    }
    const [parent, name] = [bytesOfText(parentOf(path)), bytesOfText(nameOf(path))]
    const row = this.#sql.first(SELECT_NODE, parent, name)
    if (row === undefined) {
      return
    }
    const isDirectory = this.#saveNode(row)
    if (isDeletion && isDirectory) {
      this.#sql.all(SELECT_CHILDREN, bytesOfText(path)).forEach((each) => this.#saveNode(each))
      this.#sql.all(SELECT_BELOW, ...rangeBelow(path)).forEach((each) => this.#saveNode(each))
    }
  }

  /** Unless it was read, or saved. Answers whether it is a directory. */
  #saveNode(cells: SqlRow): boolean {
    const row = nodeRowOf(cells)
    const isDirectory = row.value === undefined
    if (this.#isBehind(row) && this.#isAsItWas(row)) {
      if (isDirectory) {
        this.#changed.add(pathOf(row.parent, row.name))
      }
      this.#save(row)
    }
    return isDirectory
  }

  #isBehind({ parent, name }: NodeRow): boolean {
    const order = compareBytes(parent, this.#parent)
    return order > 0 || (order === 0 && compareBytes(name, this.#name) > 0)
  }

  #save(row: V2Row | undefined): void {
    if (row !== undefined) {
      this.#saved.push(row)
      this.#savedBytes += bytesOfRow(row)
    }
  }
}

function pathOf(parent: Uint8Array, name: Uint8Array): string {
  return childOf(textOfBytes(parent), textOfBytes(name))
}
