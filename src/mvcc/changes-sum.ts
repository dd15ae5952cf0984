import { changesUpTo } from './history.ts'
import { SELECT_LAST_REVISION } from './log.ts'
import { RowSum } from './row-sum.ts'
import { numberOf, type Sql } from './sql.ts'

/** What is summed between two pauses: a few milliseconds. */
const STEP_ROWS = 150
const STEP_BYTES = 256 * 1024

/**
 * CRC-32C over all changes that the log holds, as HashKV has it of the rows of etcd's `key` bucket, but of
 * each of them, whatever is compacted. It pauses after each few hundred rows, and nothing may be
 * written meanwhile.
 */
export function* changesSum(sql: Sql): Generator<void, number> {
  const sum = new RowSum(0)
  const [last = null] = sql.first(SELECT_LAST_REVISION) ?? []
  let rows = 0
  let bytes = 0
  for (const change of changesUpTo(sql, numberOf(last ?? 0))) {
    sum.add(change, change.kv)
    bytes += change.kv.key.length + change.kv.value.length
    if (++rows >= STEP_ROWS || bytes >= STEP_BYTES) {
      rows = 0
      bytes = 0
      yield
    }
  }
  return sum.checksum
}
