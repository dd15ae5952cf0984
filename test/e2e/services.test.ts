import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodName } from '../../src/protocol/methods.ts'
import { Code } from '../../src/protocol/status.ts'
import { GrpcClient } from './grpc-client.ts'
import { isRefusal } from './grpc-streams.ts'
import { base64, call, send } from './http.ts'
import { Target } from './target.ts'

/** All services of etcd 3.7 with their methods, and the paths that these have in its gateway. */
const METHODS: readonly (readonly [name: string, ...paths: readonly string[]])[] = [
  ['etcdserverpb.KV/Range', 'kv/range'],
  ['etcdserverpb.KV/RangeStream'],
  ['etcdserverpb.KV/Put', 'kv/put'],
  ['etcdserverpb.KV/DeleteRange', 'kv/deleterange'],
  ['etcdserverpb.KV/Txn', 'kv/txn'],
  ['etcdserverpb.KV/Compact', 'kv/compaction'],
  ['etcdserverpb.Watch/Watch', 'watch'],
  ['etcdserverpb.Lease/LeaseGrant', 'lease/grant'],
  ['etcdserverpb.Lease/LeaseRevoke', 'lease/revoke', 'kv/lease/revoke'],
  ['etcdserverpb.Lease/LeaseKeepAlive', 'lease/keepalive'],
  ['etcdserverpb.Lease/LeaseTimeToLive', 'lease/timetolive', 'kv/lease/timetolive'],
  ['etcdserverpb.Lease/LeaseLeases', 'lease/leases', 'kv/lease/leases'],
  ['etcdserverpb.Cluster/MemberAdd', 'cluster/member/add'],
  ['etcdserverpb.Cluster/MemberRemove', 'cluster/member/remove'],
  ['etcdserverpb.Cluster/MemberUpdate', 'cluster/member/update'],
  ['etcdserverpb.Cluster/MemberList', 'cluster/member/list'],
  ['etcdserverpb.Cluster/MemberPromote', 'cluster/member/promote'],
  ['etcdserverpb.Maintenance/Alarm', 'maintenance/alarm'],
  ['etcdserverpb.Maintenance/Status', 'maintenance/status'],
  ['etcdserverpb.Maintenance/Defragment', 'maintenance/defragment'],
  ['etcdserverpb.Maintenance/Hash', 'maintenance/hash'],
  ['etcdserverpb.Maintenance/HashKV', 'maintenance/hashkv'],
  ['etcdserverpb.Maintenance/Snapshot', 'maintenance/snapshot'],
  ['etcdserverpb.Maintenance/MoveLeader', 'maintenance/transfer-leadership'],
  ['etcdserverpb.Maintenance/Downgrade', 'maintenance/downgrade'],
  ['etcdserverpb.Auth/AuthEnable', 'auth/enable'],
  ['etcdserverpb.Auth/AuthDisable', 'auth/disable'],
  ['etcdserverpb.Auth/AuthStatus', 'auth/status'],
  ['etcdserverpb.Auth/Authenticate', 'auth/authenticate'],
  ['etcdserverpb.Auth/UserAdd', 'auth/user/add'],
  ['etcdserverpb.Auth/UserGet', 'auth/user/get'],
  ['etcdserverpb.Auth/UserList', 'auth/user/list'],
  ['etcdserverpb.Auth/UserDelete', 'auth/user/delete'],
  ['etcdserverpb.Auth/UserChangePassword', 'auth/user/changepw'],
  ['etcdserverpb.Auth/UserGrantRole', 'auth/user/grant'],
  ['etcdserverpb.Auth/UserRevokeRole', 'auth/user/revoke'],
  ['etcdserverpb.Auth/RoleAdd', 'auth/role/add'],
  ['etcdserverpb.Auth/RoleGet', 'auth/role/get'],
  ['etcdserverpb.Auth/RoleList', 'auth/role/list'],
  ['etcdserverpb.Auth/RoleDelete', 'auth/role/delete'],
  ['etcdserverpb.Auth/RoleGrantPermission', 'auth/role/grant'],
  ['etcdserverpb.Auth/RoleRevokePermission', 'auth/role/revoke'],
  ['v3lockpb.Lock/Lock', 'lock/lock'],
  ['v3lockpb.Lock/Unlock', 'lock/unlock'],
  ['v3electionpb.Election/Campaign', 'election/campaign'],
  ['v3electionpb.Election/Proclaim', 'election/proclaim'],
  ['v3electionpb.Election/Leader', 'election/leader'],
  ['v3electionpb.Election/Observe', 'election/observe'],
  ['v3electionpb.Election/Resign', 'election/resign'],
  ['grpc.health.v1.Health/Check'],
  ['grpc.health.v1.Health/List'],
  ['grpc.health.v1.Health/Watch'],
]

/** Where an empty request is not answered at once. Nobody else has the locks and elections. */
const REQUESTS: Readonly<Record<string, { readonly json: string; readonly binary: string }>> = {
  'etcdserverpb.Watch/Watch': { json: '{"create_request":{"key":"YQ=="}}', binary: '0a030a0161' },
  'etcdserverpb.Lease/LeaseKeepAlive': { json: '{"ID":"1"}', binary: '0801' },
  'v3lockpb.Lock/Lock': { json: '{"name":"YQ=="}', binary: '0a0162' },
  'v3electionpb.Election/Campaign': { json: '{"name":"Yw=="}', binary: '0a0164' },
  'v3electionpb.Election/Observe': { json: '{"name":"bGVk"}', binary: '0a036c6564' },
}
const BIDIRECTIONAL = new Set(['etcdserverpb.Watch/Watch', 'etcdserverpb.Lease/LeaseKeepAlive'])
const STREAMS = new Set([
  'etcdserverpb.KV/RangeStream',
  'etcdserverpb.Maintenance/Snapshot',
  'v3electionpb.Election/Observe',
  'grpc.health.v1.Health/Watch',
  ...BIDIRECTIONAL,
])

const NO_PATH = { code: 5, message: 'Not Found' }

let target: Target

beforeAll(async () => {
  target = await Target.start()
  // Observers hear of a leader.
  const { ID = null } = await call(target.url, '/v3/lease/grant', { TTL: 1000 })
  await call(target.url, '/v3/election/campaign', { name: base64('led'), lease: ID })
})

afterAll(() => target.stop())

describe('a method of etcd 3.7', () => {
  it.each(METHODS)('[SNP14] is served over gRPC: %s', async (name) => {
    const client = new GrpcClient(target.url)
    try {
      expect(await codeOf(client, name)).not.toBe(Code.UNIMPLEMENTED)
    } finally {
      client.close()
    }
  })

  const paths = METHODS.flatMap(([name, ...its]) => its.map((path) => [path, name] as const))

  it.each(paths)('[SNP14] is served over JSON: /v3/%s', async (path, name) => {
    const body = REQUESTS[name]?.json ?? '{}'
    const answer = await fetch(new URL(`/v3/${path}`, target.url), { method: 'POST', body })
    expect(answer.status).not.toBe(501)
    // A 404 is of what was asked for, and not of the path.
    const missing = answer.status === 404 ? await answer.json() : undefined
    expect(missing).not.toEqual(NO_PATH)
    if (missing === undefined) {
      await answer.body?.cancel()
    }
  })

  it('[SNP14] is what there is, and no other', async () => {
    const client = new GrpcClient(target.url)
    expect(await codeOf(client, 'etcdserverpb.KV/Nothing')).toBe(Code.UNIMPLEMENTED)
    client.close()
    expect(await send(target.url, { path: '/v3/kv/nothing' })).toMatchObject({
      status: 404,
      body: JSON.stringify(NO_PATH),
    })
  })
})

/** The code of the first that is answered. */
async function codeOf(client: GrpcClient, name: string): Promise<number> {
  const method = `/${name}` as MethodName
  const request = Buffer.from(REQUESTS[name]?.binary ?? '', 'hex')
  try {
    if (!STREAMS.has(name)) {
      await client.callBytes(method, request)
      return Code.OK
    }
    const stream = client.streamBytes(method)
    stream.send(request)
    if (!BIDIRECTIONAL.has(name)) {
      stream.halfClose()
    }
    await stream.next()
    stream.cancel()
    return Code.OK
  } catch (error) {
    if (isRefusal(error)) {
      return error.code
    }
    throw error
  }
}
