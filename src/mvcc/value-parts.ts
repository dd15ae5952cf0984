import { ID } from './change-id.ts'
import { assert } from './errors.ts'
import { freeBytes } from './free-bytes.ts'
import { bytesOf, type Sql } from './sql.ts'
import type { ChangeId } from './types.ts'

/**
 * A key and its value stand in one row of the log up to so many bytes. A longer value is kept in parts
 * of that length, because a Durable Object holds 2 MB in a row. What etcd's default of
 * --max-request-bytes lets in is never cut.
 */
export const ROW_BYTES_MAX = 1.5 * 1024 * 1024

const INSERT_PART = `INSERT INTO value_part (log_id, bytes) VALUES (${ID}, ?)`

export const SELECT_PARTS = `SELECT bytes FROM value_part WHERE log_id = ${ID} ORDER BY id`

/** Of a row of the log whose value is in parts. */
export const SUM_PART_LENGTHS =
  '(SELECT sum(length(bytes)) FROM value_part WHERE value_part.log_id = log.id)'

export function insertParts(sql: Sql, id: ChangeId, value: Uint8Array, bytesMax: number): void {
  for (let start = 0; start < value.length; start += bytesMax) {
    const part = value.subarray(start, start + bytesMax)
    sql.run(INSERT_PART, id.main, id.sub, part)
  }
}

export function joinedParts(sql: Sql, id: ChangeId): Uint8Array {
  const parts = sql.all(SELECT_PARTS, id.main, id.sub).map((row) => bytesOf(row[0]))
  assert(parts.length > 0, `the log has lost a value of revision ${id.main}`)
  const value = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    value.set(part, at)
    at += part.length
    freeBytes(part)
  }
  return value
}
