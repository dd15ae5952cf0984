import { assert } from '../mvcc/errors.ts'
import type { LeaseId } from '../mvcc/types.ts'
import { encode } from '../protocol/binary.ts'
import { Lease } from '../protocol/generated/messages.ts'
import type { Bucket } from './file.ts'
import { type Part, partOf } from './page.ts'
import type { Entry } from './tree.ts'
import { uint64 } from './uint64.ts'

/** `TTL` is in seconds, as it was granted. */
export interface GrantedLease {
  readonly ID: LeaseId
  readonly TTL: number
}

/**
 * The leases as they are now, with the TTL that they were granted: etcd gives each of them all of it
 * anew when it starts, whatever was left. There may be many of them, so they are kept as 16 bytes
 * each, and made into entries when they are read.
 */
export function leaseBucket(leases: readonly GrantedLease[]): Bucket {
  // As a key of 8 bytes, a negative id comes behind all others.
  const ids = BigUint64Array.from(leases, ({ ID }) => BigInt.asUintN(64, ID)).toSorted()
  const ttls = new Float64Array(leases.length)
  for (const { ID, TTL } of leases) {
    ttls[placeOf(ids, BigInt.asUintN(64, ID))] = TTL
  }
  function* entries(): Iterable<Entry<Part>> {
    for (const [place, id] of ids.entries()) {
      const lease = { ID: BigInt.asIntN(64, id), TTL: ttls[place] ?? 0, RemainingTTL: 0 }
      yield { key: partOf(uint64(id)), value: partOf(encode(Lease, lease)) }
    }
  }
  return { name: 'lease', entries, sizes: entries }
}

function placeOf(ids: BigUint64Array, wanted: bigint): number {
  let low = 0
  let high = ids.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ids[middle] ?? 0n) < wanted) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  assert(ids[low] === wanted, `lease ${wanted} is not among the sorted ones`)
  return low
}
