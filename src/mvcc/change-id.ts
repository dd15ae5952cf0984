import { assert } from './errors.ts'
import type { ChangeId, Revision } from './types.ts'

/**
 * The log's rowid is main << 23 | sub: int64 arithmetic that SQLite does and JavaScript cannot, so
 * ids are put together and taken apart in SQL and never cross the boundary whole.
 */
const SUB_BITS = 23

/** 2^40 transactions: at 10,000 a second, 3.5 years without a pause. */
export const REVISION_MAX: Revision = 2 ** 40 - 1
/** The changes of one transaction; deleting 8 million keys takes longer than an event may. */
export const SUB_MAX = 2 ** SUB_BITS - 1

/** A parameter pair (main, sub) as an id. */
export const ID = `(? << ${SUB_BITS} | ?)`
/** One parameter, a revision, as the smallest id of that revision. */
export const FIRST_ID = `(? << ${SUB_BITS})`

export function mainOf(column: string): string {
  return `${column} >> ${SUB_BITS}`
}

export function subOf(column: string): string {
  return `${column} & ${SUB_MAX}`
}

export function checkId(id: ChangeId): void {
  assert(id.main <= REVISION_MAX, `revision ${id.main} is beyond ${REVISION_MAX}`)
  assert(id.sub <= SUB_MAX, `sub-revision ${id.sub} is beyond ${SUB_MAX}`)
}
