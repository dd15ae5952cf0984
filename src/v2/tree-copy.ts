import { numberOf, type Sql, type SqlCell, type SqlParam, type SqlRow } from '../mvcc/sql.ts'
import { INSERT_PART } from './event-history.ts'

/** The rows of a v2 store, with its index and the changes that are remembered. They may be cloned. */
export interface CopiedTree {
  readonly nodes: readonly SqlRow[]
  readonly events: readonly SqlRow[]
  readonly parts: readonly SqlRow[]
}

const SELECT_BYTES = `
SELECT
  (SELECT coalesce(sum(length(parent) + length(name) + coalesce(length(value), 0) + 64), 0) FROM v2_node) +
  (SELECT coalesce(sum(length(path) + length(event) + 64), 0) FROM v2_event) +
  (SELECT coalesce(sum(length(event) + 64), 0) FROM v2_event_part)`
const SELECT_NODES = `
SELECT parent, name, created, modified, expires, value FROM v2_node ORDER BY parent, name`
const SELECT_EVENTS = `
SELECT slot, position, path, silent, removed, event FROM v2_event ORDER BY slot`
const SELECT_PARTS = 'SELECT slot, part, event FROM v2_event_part ORDER BY slot, part'
const INSERT_NODE =
  'INSERT INTO v2_node (parent, name, created, modified, expires, value) VALUES (?, ?, ?, ?, ?, ?)'
const INSERT_EVENT =
  'INSERT INTO v2_event (slot, position, path, silent, removed, event) VALUES (?, ?, ?, ?, ?, ?)'

/** About how many bytes `copyTree` would answer. */
export function treeBytes(sql: Sql): number {
  return numberOf(sql.first(SELECT_BYTES)?.[0])
}

/** All of it at once, so that it is what the store was at one moment. */
export function copyTree(sql: Sql): CopiedTree {
  return {
    nodes: sql.all(SELECT_NODES),
    events: sql.all(SELECT_EVENTS),
    parts: sql.all(SELECT_PARTS),
  }
}

/** Into a store that has none. */
export function insertTree(sql: Sql, { nodes, events, parts }: CopiedTree): void {
  nodes.forEach((row) => sql.run(INSERT_NODE, ...row.map(paramOf)))
  events.forEach((row) => sql.run(INSERT_EVENT, ...row.map(paramOf)))
  parts.forEach((row) => sql.run(INSERT_PART, ...row.map(paramOf)))
}

function paramOf(cell: SqlCell): SqlParam {
  return cell instanceof ArrayBuffer ? new Uint8Array(cell) : cell
}
