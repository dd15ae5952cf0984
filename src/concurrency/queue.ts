import { assert } from '../mvcc/errors.ts'
import {
  CompareResult,
  CompareTarget,
  type LeaseId,
  NO_LEASE,
  type Revision,
  SortOrder,
  SortTarget,
} from '../mvcc/types.ts'
import {
  Compare,
  type DeleteRangeRequest,
  type KeyValue,
  PutRequest,
  RangeRequest,
  type RequestOp,
  type ResponseHeader,
  type TxnResponse,
} from '../protocol/generated/messages.ts'
import type { RecipeClient } from './recipe-client.ts'

/** Seconds: what a lease is granted for that the request leaves to us. Nobody keeps it alive. */
const SESSION_TTL_SECONDS = 60

/**
 * A place in the queue for a lock or an election: the keys `NAME/LEASE` by the revisions at which
 * they were created. Who stands first has the lock, or leads. For the lock "n", leases 10, 11, 12:
 *
 *     n/a  created at 5   holds the lock
 *     n/b  created at 7   waits for the deletion of n/a
 *     n/c  created at 9   waits for the deletion of n/b, then looks again
 *
 * Any key below the prefix stands in the queue, whoever has put it there. It is plain data.
 */
export interface Place {
  readonly prefix: Uint8Array
  readonly key: Uint8Array
  /** At which the key was created. */
  readonly revision: Revision
}

/** Where a waiting call has come to: its response, or the key whose deletion is next waited for. */
export type Step<P, R> =
  | { readonly response: R }
  | { readonly place: P; readonly ahead: Uint8Array }

/** The caller's lease, or a new one for the zero lease (client/v3/concurrency/session.go). */
export function sessionLease(client: RecipeClient, lease: LeaseId): LeaseId {
  return lease === NO_LEASE
    ? client.leaseGrant({ ID: NO_LEASE, TTL: SESSION_TTL_SECONDS }).ID
    : lease
}

const SLASH = new TextEncoder().encode('/')

export function prefixOf(name: Uint8Array): Uint8Array {
  return concat(name, SLASH)
}

/** Lower-case hex without padding; a negative id keeps its sign. */
export function keyOf(prefix: Uint8Array, lease: LeaseId): Uint8Array {
  return concat(prefix, new TextEncoder().encode(lease.toString(16)))
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

/** The end of the keys below a prefix, which ends with a slash: the next byte is a zero digit. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  return concat(prefix.subarray(0, -1), new TextEncoder().encode('0'))
}

/** Who holds the lock, or leads. */
export function firstInQueue(prefix: Uint8Array): RangeRequest {
  return { ...queueRange(prefix), sortOrder: SortOrder.ASCEND }
}

/** The key right before a place, undefined where none is left. */
export function keyAhead(
  client: RecipeClient,
  { prefix, revision }: Place,
): Uint8Array | undefined {
  const before = { sortOrder: SortOrder.DESCEND, maxCreateRevision: revision - 1 }
  return client.range({ ...queueRange(prefix), ...before }).kvs[0]?.key
}

function queueRange(prefix: Uint8Array): RangeRequest {
  const range = { key: prefix, rangeEnd: prefixEnd(prefix) }
  return { ...RangeRequest.empty(), ...range, limit: 1, sortTarget: SortTarget.CREATE }
}

export function point(key: Uint8Array): RangeRequest {
  return { ...RangeRequest.empty(), key }
}

export function deletionOf(key: Uint8Array): DeleteRangeRequest {
  return { key, rangeEnd: new Uint8Array(0), prevKv: false }
}

/** Revision 0 says that there is no such key. */
export function createdAt(key: Uint8Array, revision: Revision): Compare {
  const { CREATE: target } = CompareTarget
  const createRevision = revision
  return { ...Compare.empty(), result: CompareResult.EQUAL, target, key, createRevision }
}

export function putOf(key: Uint8Array, value: Uint8Array, lease: LeaseId): RequestOp {
  return { requestPut: { ...PutRequest.empty(), key, value, lease } }
}

/** The first key-value that an operation of a transaction has read. */
export function readBy({ responses }: TxnResponse, operation: number): KeyValue | undefined {
  return responses[operation]?.responseRange?.kvs[0]
}

export function revisionOf(header: ResponseHeader | undefined): Revision {
  assert(header !== undefined, 'a response of the store has a header')
  return header.revision
}
