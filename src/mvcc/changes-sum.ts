import { changesUpTo } from './history.ts'
import { SELECT_LAST_REVISION } from './log.ts'
import { RowSum } from './row-sum.ts'
import { numberOf, type Sql } from './sql.ts'
import type { ChangeId } from './types.ts'

/** What is summed between two pauses: a few milliseconds. */
const STEP_ROWS = 150
const STEP_BYTES = 256 * 1024

/**
 * CRC-32C over all changes that the log holds, as HashKV has it of the rows of etcd's `key` bucket, but of
 * each of them, whatever is compacted. It goes on where it was when more of them are there; none that
 * was summed may go.
 */
export class ChangesSum {
  readonly #sum = new RowSum(0)
  #last: ChangeId = { main: 0, sub: 0 }

  get checksum(): number {
    return this.#sum.checksum
  }

  /** Sums what is there when it begins. It pauses after each few hundred rows. */
  *catchUp(sql: Sql): Generator<void, void> {
    const [last = null] = sql.first(SELECT_LAST_REVISION) ?? []
    let rows = 0
    let bytes = 0
    for (const change of changesUpTo(sql, numberOf(last ?? 0), this.#last)) {
      this.#sum.add(change, change.kv)
      this.#last = { main: change.main, sub: change.sub }
      bytes += change.kv.key.length + change.kv.value.length
      if (++rows >= STEP_ROWS || bytes >= STEP_BYTES) {
        rows = 0
        bytes = 0
        yield
      }
    }
  }
}
