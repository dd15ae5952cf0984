import { isPoint } from '../../mvcc/key-range.ts'
import { ReadBudget } from '../../mvcc/read-budget.ts'
import type { KeyValue } from '../../mvcc/types.ts'
import { encode } from '../../protocol/binary.ts'
import { type DeleteRangeRequest, DeleteRangeResponse } from '../../protocol/generated/messages.ts'
import { nextTurn } from '../commit.ts'
import type { Page } from '../page.ts'
import type { Parts, StepsFacts } from '../run.ts'
import { admitDeletion, PAGE_BYTES_MAX, PAGE_ROWS_MAX } from './kv.ts'

/** Whether a deletion may have much to read. */
export function readsMuch(request: DeleteRangeRequest): boolean {
  return request.prevKv && !isPoint(request)
}

/**
 * Deletes a range in one turn, and reads what was deleted in as many as that takes: those versions are in
 * the log, which keeps them meanwhile.
 */
export async function deleteThenRead(
  { keyspace, background, commits }: Parts,
  request: DeleteRangeRequest,
  { principal, measured, gone }: StepsFacts,
): Promise<Page<DeleteRangeResponse>> {
  const release = background.hold()
  try {
    const write = measured(() => {
      keyspace.requireCommits()
      admitDeletion(keyspace, request, principal)
      const { deleted } = keyspace.store.deleteRangeFirst(request)
      return { header: keyspace.header(), deleted }
    })
    const { header, deleted } = await commits.submit(write)
    const behind: Uint8Array[] = []
    let prevKvs: KeyValue[] = []
    const encodeRead = (): void => {
      behind.push(encode(DeleteRangeResponse, { ...DeleteRangeResponse.empty(), prevKvs }))
      prevKvs = []
    }
    let budget = newBudget()
    for (const kv of deleted === 0 ? [] : keyspace.store.replaced(header.revision)) {
      prevKvs.push(kv)
      budget.take(kv)
      if (budget.spent) {
        encodeRead()
        await nextTurn()
        if (gone.aborted) {
          break
        }
        budget = newBudget()
      }
    }
    encodeRead()
    return { response: { header, deleted, prevKvs: [] }, behind }
  } finally {
    release()
  }
}

function newBudget(): ReadBudget {
  return new ReadBudget(PAGE_BYTES_MAX, PAGE_ROWS_MAX)
}
