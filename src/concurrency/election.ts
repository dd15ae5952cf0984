/**
 * The Election service (server/etcdserver/api/v3election/election.go over
 * client/v3/concurrency/election.go), as steps between which a candidate may wait.
 */
import { assert } from '../mvcc/errors.ts'
import { equalBytes } from '../mvcc/key-range.ts'
import type {
  CampaignRequest,
  CampaignResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
  TxnResponse,
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

/** A candidate's place, with what it is answered once elected: the header is of when it came. */
export interface Candidacy extends Place {
  readonly response: CampaignResponse
}

/** Joins the queue; a lease that stands in it already keeps its place and proclaims its value. */
export function campaign(
  client: RecipeClient,
  { name, value, lease: given }: CampaignRequest,
): Step<Candidacy, CampaignResponse> {
  const lease = sessionLease(client, given)
  const prefix = prefixOf(name)
  const key = keyOf(prefix, lease)
  const joined = client.txn({
    compare: [createdAt(key, 0)],
    success: [putOf(key, value, lease)],
    failure: [{ requestRange: point(key) }],
  })
  const found = readBy(joined, 0)
  const rev = joined.succeeded ? revisionOf(joined.header) : found?.createRevision
  assert(rev !== undefined, 'a key that has been created is read')
  const candidate = { name, key, rev, lease }
  if (found !== undefined && !equalBytes(found.value, value)) {
    proclaimOrResign(client, candidate, value)
  }
  const response = { header: joined.header, leader: candidate }
  return campaignAgain(client, { prefix, key, revision: rev, response })
}

function proclaimOrResign(client: RecipeClient, candidate: LeaderKey, value: Uint8Array): void {
  try {
    announce(client, candidate, value)
  } catch (error) {
    deleteCandidate(client, candidate.key, candidate.rev)
    throw error
  }
}

/** Looks again after the key ahead is gone. A candidate that lost its own key is elected as well. */
export function campaignAgain(
  client: RecipeClient,
  candidacy: Candidacy,
): Step<Candidacy, CampaignResponse> {
  const ahead = keyAhead(client, candidacy)
  return ahead === undefined ? { response: candidacy.response } : { place: candidacy, ahead }
}

/** What a candidate does that waits no longer. */
export function leaveElection(client: RecipeClient, { key, revision }: Candidacy): void {
  deleteCandidate(client, key, revision)
}

export function proclaim(
  client: RecipeClient,
  { leader: proclaimer, value }: ProclaimRequest,
): ProclaimResponse {
  if (proclaimer === undefined) {
    throw statusOf('leader-key-missing')
  }
  const lease = sessionLease(client, proclaimer.lease)
  const { header } = announce(client, { ...proclaimer, lease }, value)
  return { header }
}

function announce(client: RecipeClient, of: LeaderKey, value: Uint8Array): TxnResponse {
  const { key, rev, lease } = of
  const compare = [createdAt(key, rev)]
  const announced = client.txn({ compare, success: [putOf(key, value, lease)], failure: [] })
  if (!announced.succeeded) {
    throw statusOf('election-not-leader')
  }
  return announced
}

export function leader(client: RecipeClient, { name }: LeaderRequest): LeaderResponse {
  const { header, kvs } = client.range(firstInQueue(prefixOf(name)))
  const [kv] = kvs
  if (kv === undefined) {
    throw statusOf('election-no-leader')
  }
  return { header, kv }
}

/** Who does not lead, or not any more, is answered the same. The zero lease is granted in vain. */
export function resign(client: RecipeClient, { leader: resigning }: ResignRequest): ResignResponse {
  if (resigning === undefined) {
    throw statusOf('leader-key-missing')
  }
  sessionLease(client, resigning.lease)
  const { header } = deleteCandidate(client, resigning.key, resigning.rev)
  return { header }
}

function deleteCandidate(client: RecipeClient, key: Uint8Array, created: number): TxnResponse {
  const success = [{ requestDeleteRange: deletionOf(key) }]
  return client.txn({ compare: [createdAt(key, created)], success, failure: [] })
}
