/**
 * The Lock service (server/etcdserver/api/v3lock/lock.go over client/v3/concurrency/mutex.go),
 * as steps between which a caller may wait.
 */
import { assert } from '../mvcc/errors.ts'
import type {
  LockRequest,
  LockResponse,
  UnlockRequest,
  UnlockResponse,
} from '../protocol/generated/messages.ts'
import { statusOf } from '../protocol/status.ts'
import {
  createdAt,
  deletionOf,
  firstInQueue,
  keyAhead,
  keyOf,
  type Place,
  point,
  prefixOf,
  putOf,
  readBy,
  revisionOf,
  sessionLease,
  type Step,
} from './queue.ts'
import type { RecipeClient } from './recipe-client.ts'

/** Joins the queue, in which the caller's lease may stand already: then it keeps its place. */
export function lock(client: RecipeClient, request: LockRequest): Step<Place, LockResponse> {
  const lease = sessionLease(client, request.lease)
  const prefix = prefixOf(request.name)
  const key = keyOf(prefix, lease)
  const first = { requestRange: firstInQueue(prefix) }
  const joined = client.txn({
    compare: [createdAt(key, 0)],
    success: [putOf(key, new Uint8Array(0), lease), first],
    failure: [{ requestRange: point(key) }, first],
  })
  const revision = joined.succeeded ? revisionOf(joined.header) : readBy(joined, 0)?.createRevision
  assert(revision !== undefined, 'a key that has been created is read')
  const holder = readBy(joined, 1)
  if (holder === undefined || holder.createRevision === revision) {
    return { response: { header: joined.header, key } }
  }
  return lockAgain(client, { prefix, key, revision })
}

/**
 * Looks again after the key ahead is gone. That the place itself was lost, with its lease, is found
 * out only when its turn comes, as in etcd.
 */
export function lockAgain(client: RecipeClient, place: Place): Step<Place, LockResponse> {
  const ahead = keyAhead(client, place)
  if (ahead !== undefined) {
    return { place, ahead }
  }
  const { header, kvs } = client.range(point(place.key))
  if (kvs.length === 0) {
    throw statusOf('session-expired')
  }
  return { response: { header, key: place.key } }
}

/** What a caller does that waits no longer. Whoever waits with the same lease loses the place too. */
export function leaveLock(client: RecipeClient, { key }: Place): void {
  client.deleteRange(deletionOf(key))
}

export function unlock(client: RecipeClient, { key }: UnlockRequest): UnlockResponse {
  const { header } = client.deleteRange(deletionOf(key))
  return { header }
}
