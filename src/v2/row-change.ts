import { joinedBytes } from '../mvcc/joined-bytes.ts'
import { bytesOf, numberOf, type Sql, type SqlParam, type SqlRow } from '../mvcc/sql.ts'
import { bytesOfText } from '../protocol/byte-text.ts'
import type { V2Event } from './event.ts'
import type { V2Node } from './node-table.ts'

/** A node as it is stored. */
export interface NodeRow {
  readonly kind: 'node'
  readonly parent: Uint8Array
  readonly name: Uint8Array
  readonly created: number
  readonly modified: number
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
  /** Undefined for a directory. */
  readonly value: Uint8Array | undefined
}

/** A node that is gone, with all that was below it. */
interface GoneRows {
  readonly kind: 'gone'
  readonly path: Uint8Array
  readonly isDirectory: boolean
}

/** The event of a change, which is its last row and has the index that it has counted up to. */
export interface EventRow {
  readonly kind: 'event'
  readonly position: number
  readonly path: Uint8Array
  readonly silent: boolean
  readonly removed: boolean
  readonly event: Uint8Array
}

/**
 * What changes have done to a store's rows. To do it once more changes nothing, and to do all from one index up to another
 * makes rows of any index between them those of the latter.
 */
export type V2Row = NodeRow | GoneRows | EventRow

/** A change that has just been made: what it wrote, or what is gone. */
export interface V2Change {
  readonly written: readonly V2Node[]
  readonly gone: V2Node | undefined
  readonly event: V2Event
  /** The index that it has counted up to. */
  readonly position: number
}

/** Who hears of the rows that change, beside those who wait for events. */
export interface V2Follower {
  /** Right before a node is written, or deleted with all that is below it. */
  readonly changing?: (path: string, isDeletion: boolean) => void
  readonly changed?: (change: V2Change) => void
}

const SELECT_EVENT = 'SELECT position, path, silent, removed, event FROM v2_event WHERE slot = ?'
const SELECT_PARTS = 'SELECT event FROM v2_event_part WHERE slot = ? ORDER BY part'

/** What a SELECT of parent, name, created, modified, expires, value has answered. */
export function nodeRowOf([parent, name, created, modified, expires, value]: SqlRow): NodeRow {
  return {
    kind: 'node',
    parent: bytesOf(parent),
    name: bytesOf(name),
    created: numberOf(created),
    modified: numberOf(modified),
    expires: expires === null ? undefined : numberOf(expires),
    value: value === null ? undefined : bytesOf(value),
  }
}

/** Of the change with an index; undefined where it is not remembered. */
export function eventRowAt(sql: Sql, position: number, slots: number): EventRow | undefined {
  const slot = position % slots
  const row = sql.first(SELECT_EVENT, slot)
  if (row === undefined || row[0] !== position) {
    return undefined
  }
  const [, path, silent, removed, event] = row
  const parts = sql.all(SELECT_PARTS, slot).map(([part]) => bytesOf(part))
  return {
    kind: 'event',
    position,
    path: bytesOf(path),
    silent: silent === 1,
    removed: removed === 1,
    event: parts.length === 0 ? bytesOf(event) : joinedBytes([bytesOf(event), ...parts]),
  }
}

/** Of a change that has just been made. */
export function eventRowOf({ event, position }: V2Change): EventRow {
  const { isRefresh: silent, removesDirectory: removed, bytes } = event
  return {
    kind: 'event',
    position,
    path: bytesOfText(event.node.path),
    silent,
    removed,
    event: bytes,
  }
}

/** About how many bytes it takes. */
export function bytesOfRow(row: V2Row): number {
  const { length } = row.kind === 'node' ? row.parent : row.path
  switch (row.kind) {
    case 'node':
      return length + row.name.length + (row.value?.length ?? 0)
    case 'event':
      return length + row.event.length
    case 'gone':
      return length
  }
}

export function paramsOf({ parent, name, created, modified, expires, value }: NodeRow): SqlParam[] {
  return [parent, name, created, modified, expires ?? null, value ?? null]
}
