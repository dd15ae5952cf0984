import { type Principal, serverPrincipal } from '../../auth/principal.ts'
import {
  type RecipeClient,
  type RecipeClients,
  refusingAsUnknown,
} from '../../concurrency/recipe-client.ts'
import type { Keyspace } from '../keyspace.ts'
import { deleteRange, range, txn } from './kv.ts'
import { leaseGrant } from './lease.ts'

/** What locks and elections do to the keyspace, as any client would; `caller` does it for the principal. */
export function recipeClients(keyspace: Keyspace, principal: Principal): RecipeClients {
  return {
    caller: clientOf(keyspace, principal),
    server: clientOf(keyspace, serverPrincipal),
  }
}

function clientOf(keyspace: Keyspace, principal: Principal): RecipeClient {
  return refusingAsUnknown({
    range: (request) => {
      principal.authenticate()
      principal.authorize('/etcdserverpb.KV/Range', request)
      return range(keyspace, request).response
    },
    deleteRange: (request) => deleteRange(keyspace, request, principal),
    txn: (request) => txn(keyspace, request, principal),
    leaseGrant: (request) => leaseGrant(keyspace, request, { now: Date.now(), principal }),
  })
}
