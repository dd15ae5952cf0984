import { compareBytes } from './key-range.ts'
import { type KeyValue, type RangeRequest, SortOrder, SortTarget } from './types.ts'

/** By what an answer is sorted, without regard to the direction. */
export function sortKeyOf(request: RangeRequest, kv: KeyValue): number | Uint8Array {
  switch (request.sortTarget) {
    case SortTarget.VERSION:
      return kv.version
    case SortTarget.CREATE:
      return kv.createRevision
    case SortTarget.MOD:
      return kv.modRevision
    default:
      return kv.value
  }
}

/** Of two sort keys, which comes first in the answer: negative for the one given first. */
export function compareSortKeys(
  request: RangeRequest,
  a: number | Uint8Array,
  b: number | Uint8Array,
): number {
  const order =
    typeof a === 'number' || typeof b === 'number' ? Number(a) - Number(b) : compareBytes(a, b)
  return request.sortOrder === SortOrder.DESCEND ? -order : order
}
