import { type Bounds, boundsOf, compareBytes, isEmpty } from '../mvcc/key-range.ts'
import type { KeyRange } from '../mvcc/types.ts'
import type { Permission } from '../protocol/generated/messages.ts'

export const PermissionType = { READ: 0, WRITE: 1, READWRITE: 2 } as const

/** What one user may read and write (etcd's range_perm_cache.go). */
export class RangePermissions {
  readonly read: MergedRanges
  readonly write: MergedRanges

  constructor(permissions: readonly Permission[]) {
    const read: Bounds[] = []
    const write: Bounds[] = []
    for (const permission of permissions.toSorted((a, b) => compareBytes(a.key, b.key))) {
      const { permType } = permission
      const bounds = boundsOf(permission)
      if (permType === PermissionType.READ || permType === PermissionType.READWRITE) {
        read.push(bounds)
      }
      if (permType === PermissionType.WRITE || permType === PermissionType.READWRITE) {
        write.push(bounds)
      }
    }
    this.read = new MergedRanges(read)
    this.write = new MergedRanges(write)
  }
}

/**
 * The union of ranges of keys, none of them empty: sorted, with those that overlap or touch merged,
 * so that a request is within the union just when it is within one of them.
 *
 *     [a, c)  [b, d)  [d, e)  [x, ..)    merge to    [a, e)  [x, ..)
 */
class MergedRanges {
  readonly #ranges: readonly Bounds[]

  /** The ranges are in the order of their starts. */
  constructor(ranges: readonly Bounds[]) {
    const merged: { start: Uint8Array; end: Uint8Array | undefined }[] = []
    for (const { start, end } of ranges) {
      const last = merged.at(-1)
      if (last === undefined || (last.end !== undefined && compareBytes(last.end, start) < 0)) {
        merged.push({ start, end })
      } else if (last.end !== undefined && (end === undefined || compareBytes(last.end, end) < 0)) {
        last.end = end
      }
    }
    this.#ranges = merged
  }

  /**
   * Whether every key of the range is among these. A range that ends before its start has no keys,
   * and is asked about as if it were its start alone.
   */
  covers(range: KeyRange): boolean {
    const { start, end } = boundsOf(range)
    const found = this.#lastStartingUpTo(start)
    if (found === undefined) {
      return false
    }
    if (found.end === undefined) {
      return true
    }
    return isEmpty({ start, end })
      ? compareBytes(start, found.end) < 0
      : end !== undefined && compareBytes(end, found.end) <= 0
  }

  #lastStartingUpTo(key: Uint8Array): Bounds | undefined {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      const range = this.#ranges[middle]
      if (range !== undefined && compareBytes(range.start, key) <= 0) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return this.#ranges[low - 1]
  }
}
