// Random KV, lease and maintenance requests.
import type { JsonObject } from './http.ts'
import { randomFlaw } from './random-flaws.ts'
import {
  type Bounds,
  flag,
  randomDeleteRange,
  randomLease,
  randomPut,
  randomRange,
  revisionField,
} from './random-messages.ts'
import type { Message, RandomRequest } from './random-request.ts'
import { spell } from './random-spelling.ts'
import { randomTxn } from './random-txn.ts'
import type { Random } from './random.ts'

export function randomRequest(random: Random, bounds: Bounds): RandomRequest {
  const { path, message } = randomMessage(random, bounds)
  // A grant that lost its id or its TTL would make a lease that each server names or ends by itself.
  if (path !== '/v3/lease/grant' && random.chance(0.12)) {
    return randomFlaw(random, { path, message })
  }
  return { path, message, body: spell(random, message) }
}

const weights = {
  put: 30,
  range: 30,
  deleteRange: 6,
  txn: 22,
  compact: 2,
  hashKv: 4,
  grant: 5,
  revoke: 2,
  timeToLive: 3,
  leases: 2,
  keepAlive: 2,
} as const

export function randomMessage(random: Random, bounds: Bounds): Message {
  switch (random.weighted(weights)) {
    case 'put':
      return { path: '/v3/kv/put', message: randomPut(random) }
    case 'range':
      return { path: '/v3/kv/range', message: randomRange(random, bounds) }
    case 'deleteRange':
      return { path: '/v3/kv/deleterange', message: randomDeleteRange(random) }
    case 'txn':
      return { path: '/v3/kv/txn', message: randomTxn(random, bounds) }
    case 'compact':
      return { path: '/v3/kv/compaction', message: randomCompaction(random, bounds) }
    case 'hashKv':
      return { path: '/v3/maintenance/hashkv', message: revisionField(random, bounds) }
    case 'grant':
      return { path: '/v3/lease/grant', message: randomGrant(random) }
    case 'revoke':
      return { path: alias(random, 'lease/revoke'), message: { ID: randomLease(random) } }
    case 'timeToLive':
      return {
        path: alias(random, 'lease/timetolive'),
        message: { ID: randomLease(random), ...flag(random, 'keys', 0.6) },
      }
    case 'leases':
      return { path: alias(random, 'lease/leases'), message: {} }
    case 'keepAlive':
      return { path: '/v3/lease/keepalive', message: { ID: randomLease(random) } }
  }
}

/** Some lease calls have a second path, kept from before etcd 3.4. */
function alias(random: Random, path: string): string {
  return random.chance(0.3) ? `/v3/kv/${path}` : `/v3/${path}`
}

function randomCompaction(
  random: Random,
  { currentRevision, compactRevision }: Bounds,
): JsonObject {
  const revision = random.chance(0.7)
    ? random.integer(Math.max(compactRevision, 0), currentRevision)
    : random.pick([-1, 0, compactRevision, currentRevision, currentRevision + 1])
  return { revision: String(revision), ...flag(random, 'physical', 0.5) }
}

/** Each id has its own TTL, so that leases are listed in one order; none ends during a run. */
function randomGrant(random: Random): JsonObject {
  const id = random.integer(1, 5)
  return { ID: String(id), TTL: String(random.chance(0.95) ? id * 10_000 : 9_000_000_001) }
}
