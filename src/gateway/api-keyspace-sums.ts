import { atRevision, keyspaceSums, namedKeyspace } from '../api/keyspaces.ts'
import {
  type AuthStatusResponse,
  AuthStatusRequest,
  type HashKVResponse,
  HashKVRequest,
  type LeaseLeasesResponse,
  LeaseLeasesRequest,
} from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { keyspaceAddress } from './keyspace-address.ts'
import { ShardClient } from './shard-client.ts'

const asServer = { asServer: true } as const

/** What copies of a keyspace are compared by. Etcd's users are not asked, as whoever copies one need not be one. */
export const keyspaceSumsEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/sums',
    id: 'keyspaceSums',
    summary: 'Sums a keyspace up: what a copy of it has to be equal in.',
    params: namedKeyspace,
    query: atRevision,
    success: { status: 200, description: 'Its sums.', schema: keyspaceSums },
    refusals: {
      400: 'The revision is compacted, or yet to come.',
      404: 'There is no such keyspace.',
    },
    handle: async ({ env, visitor }, { params: { name }, query }) => {
      const shard = new ShardClient(env, await keyspaceAddress(name, env), visitor)
      const ask = async (method: Parameters<ShardClient['call']>[0], request: object) =>
        (await shard.call(method, request, asServer)).response
      const [hashed, leased, auth] = (await Promise.all([
        ask('/etcdserverpb.Maintenance/HashKV', create(HashKVRequest, query)),
        ask('/etcdserverpb.Lease/LeaseLeases', LeaseLeasesRequest.empty()),
        ask('/etcdserverpb.Auth/AuthStatus', AuthStatusRequest.empty()),
      ])) as [HashKVResponse, LeaseLeasesResponse, AuthStatusResponse]
      return {
        revision: hashed.header?.revision ?? 0,
        hash: hashed.hash,
        compactRevision: hashed.compactRevision,
        leases: leased.leases.length,
        authEnabled: auth.enabled,
        authRevision: auth.authRevision,
      }
    },
  }),
]
