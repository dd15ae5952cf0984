import { type KeyValue, NO_LEASE, type RangeRequest, type Sized, SortTarget } from './types.ts'

export function hasFilter(request: RangeRequest): boolean {
  return (
    request.maxModRevision !== 0 ||
    request.minModRevision !== 0 ||
    request.maxCreateRevision !== 0 ||
    request.minCreateRevision !== 0
  )
}

export function passes(request: RangeRequest, kv: Sized): boolean {
  return (
    (request.maxModRevision === 0 || kv.modRevision <= request.maxModRevision) &&
    (request.minModRevision === 0 || kv.modRevision >= request.minModRevision) &&
    (request.maxCreateRevision === 0 || kv.createRevision <= request.maxCreateRevision) &&
    (request.minCreateRevision === 0 || kv.createRevision >= request.minCreateRevision)
  )
}

/** etcd 3.7 answers keys_only from its index, which knows no lease; a sort by value reads all. */
export function shown(request: RangeRequest, kv: KeyValue): KeyValue {
  if (!request.keysOnly) {
    return kv
  }
  const lease = request.sortTarget === SortTarget.VALUE ? kv.lease : NO_LEASE
  return { ...kv, value: NO_BYTES, lease }
}

const NO_BYTES = new Uint8Array(0)
