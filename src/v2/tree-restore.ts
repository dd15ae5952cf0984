import type { Sql } from '../mvcc/sql.ts'
import { textOfBytes } from '../protocol/byte-text.ts'
import {
  DELETE_PARTS,
  HISTORY_EVENTS_MAX,
  INSERT_PART,
  PART_BYTES_MAX,
  REPLACE_EVENT,
} from './event-history.ts'
import { NodeTable, UPSERT_NODE } from './node-table.ts'
import { type EventRow, paramsOf, type V2Row } from './row-change.ts'

const DELETE_ALL = ['v2_node', 'v2_event', 'v2_event_part'].map((table) => `DELETE FROM ${table}`)

/** Writes the rows of another v2 store. No `V2Store` of this one may be in memory that is asked afterwards. */
export class TreeRestore {
  readonly #sql: Sql
  readonly #nodes: NodeTable

  constructor(sql: Sql) {
    this.#sql = sql
    this.#nodes = new NodeTable(sql)
  }

  /** What is there is none of it. */
  forget(): void {
    DELETE_ALL.forEach((statement) => this.#sql.run(statement))
  }

  take(row: V2Row): void {
    switch (row.kind) {
      case 'node':
        return this.#sql.run(UPSERT_NODE, ...paramsOf(row))
      case 'gone':
        return this.#nodes.deleteAt(textOfBytes(row.path), row.isDirectory)
      case 'event':
        return this.#event(row)
    }
  }

  #event({ position, path, silent, removed, event }: EventRow): void {
    const slot = position % HISTORY_EVENTS_MAX
    const first = event.subarray(0, PART_BYTES_MAX)
    const flags = [silent ? 1 : 0, removed ? 1 : 0]
    this.#sql.run(REPLACE_EVENT, slot, position, path, ...flags, first)
    this.#sql.run(DELETE_PARTS, slot)
    for (let at = PART_BYTES_MAX; at < event.length; at += PART_BYTES_MAX) {
      this.#sql.run(INSERT_PART, slot, at, event.subarray(at, at + PART_BYTES_MAX))
    }
  }
}
