/** What is true of each method: the one table that the rooms derive theirs from. */
import { rpcMethods } from './generated/services.ts'

/** Such as `/etcdserverpb.KV/Range`: what gRPC calls a method. */
export type MethodName = keyof typeof rpcMethods

/** `as-asked` is what the request says, for which whoever asks has a function for each such method. */
interface MethodFacts {
  /** At the JSON gateway, where all are POST; none for what is for gRPC alone. */
  readonly paths: readonly string[]
  /**
   * What an access token has to allow. To renew a lease is a write: it keeps keys alive that would
   * else go. To log in is none: who an etcd user is decides about less than the token does.
   */
  readonly needs: 'read' | 'write' | 'as-asked'
  /**
   * Who may while etcd's auth is on: a `user` is whoever has shown credentials, `root` who has that
   * role. A lock or a campaign is let in, because it is made of requests to KV and Lease that are each
   * checked themselves.
   */
  readonly user: 'anybody' | 'user' | 'root' | 'as-asked'
  /**
   * Whether it may run twice when it is not known whether it has run. `everywhere` is what has one
   * answer and changes nothing: asking twice is as good as once. A link also repeats streams that do not, the keep-alive, which only
   * sets a time that a second one sets again, and the login, whose first token nobody has seen.
   */
  readonly repeats: 'everywhere' | 'by-link' | 'as-asked' | 'never'
  /**
   * `in-turn` answers when it is the caller's turn, be it tomorrow; `when-left` goes on until its
   * client ends it, and so lives in a session. Others end by themselves.
   */
  readonly ends?: 'in-turn' | 'when-left'
  /** How many values an answer holds; where nobody knows, or it may take long, nothing is said. */
  readonly values?: 'none' | 'as-asked'
  /** etcd proposes the request to its raft log, and so measures it. */
  readonly proposed?: true
}

const table = {
  '/etcdserverpb.KV/Range': {
    paths: ['/v3/kv/range'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'everywhere',
    values: 'as-asked',
  },
  '/etcdserverpb.KV/RangeStream': {
    paths: [],
    needs: 'read',
    user: 'as-asked',
    repeats: 'by-link',
  },
  '/etcdserverpb.KV/Put': {
    paths: ['/v3/kv/put'],
    needs: 'write',
    user: 'as-asked',
    repeats: 'never',
    values: 'as-asked',
    proposed: true,
  },
  '/etcdserverpb.KV/DeleteRange': {
    paths: ['/v3/kv/deleterange'],
    needs: 'write',
    user: 'as-asked',
    repeats: 'never',
    values: 'as-asked',
    proposed: true,
  },
  '/etcdserverpb.KV/Txn': {
    paths: ['/v3/kv/txn'],
    needs: 'as-asked',
    user: 'as-asked',
    repeats: 'never',
    values: 'as-asked',
    proposed: true,
  },
  '/etcdserverpb.KV/Compact': {
    paths: ['/v3/kv/compaction'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Watch/Watch': {
    paths: ['/v3/watch'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'never',
    ends: 'when-left',
  },
  '/etcdserverpb.Lease/LeaseGrant': {
    paths: ['/v3/lease/grant'],
    needs: 'write',
    user: 'user',
    repeats: 'never',
    values: 'none',
    proposed: true,
  },
  '/etcdserverpb.Lease/LeaseRevoke': {
    paths: ['/v3/lease/revoke', '/v3/kv/lease/revoke'],
    needs: 'write',
    user: 'as-asked',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Lease/LeaseKeepAlive': {
    paths: ['/v3/lease/keepalive'],
    needs: 'write',
    user: 'as-asked',
    repeats: 'by-link',
    values: 'none',
  },
  '/etcdserverpb.Lease/LeaseTimeToLive': {
    paths: ['/v3/lease/timetolive', '/v3/kv/lease/timetolive'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Lease/LeaseLeases': {
    paths: ['/v3/lease/leases', '/v3/kv/lease/leases'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Cluster/MemberAdd': {
    paths: ['/v3/cluster/member/add'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Cluster/MemberRemove': {
    paths: ['/v3/cluster/member/remove'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Cluster/MemberUpdate': {
    paths: ['/v3/cluster/member/update'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Cluster/MemberList': {
    paths: ['/v3/cluster/member/list'],
    needs: 'read',
    user: 'user',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Cluster/MemberPromote': {
    paths: ['/v3/cluster/member/promote'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Maintenance/Alarm': {
    paths: ['/v3/maintenance/alarm'],
    needs: 'as-asked',
    user: 'as-asked',
    repeats: 'as-asked',
    proposed: true,
  },
  '/etcdserverpb.Maintenance/Status': {
    paths: ['/v3/maintenance/status'],
    needs: 'read',
    user: 'user',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Maintenance/Defragment': {
    paths: ['/v3/maintenance/defragment'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Maintenance/Hash': {
    paths: ['/v3/maintenance/hash'],
    needs: 'read',
    user: 'root',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Maintenance/HashKV': {
    paths: ['/v3/maintenance/hashkv'],
    needs: 'read',
    user: 'root',
    repeats: 'everywhere',
  },
  '/etcdserverpb.Maintenance/Snapshot': {
    paths: ['/v3/maintenance/snapshot'],
    needs: 'read',
    user: 'root',
    repeats: 'by-link',
  },
  '/etcdserverpb.Maintenance/MoveLeader': {
    paths: ['/v3/maintenance/transfer-leadership'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Maintenance/Downgrade': {
    paths: ['/v3/maintenance/downgrade'],
    needs: 'as-asked',
    user: 'root',
    repeats: 'never',
  },
  '/etcdserverpb.Auth/AuthEnable': {
    paths: ['/v3/auth/enable'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/AuthDisable': {
    paths: ['/v3/auth/disable'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/AuthStatus': {
    paths: ['/v3/auth/status'],
    needs: 'read',
    user: 'anybody',
    repeats: 'everywhere',
    proposed: true,
  },
  '/etcdserverpb.Auth/Authenticate': {
    paths: ['/v3/auth/authenticate'],
    needs: 'read',
    user: 'anybody',
    repeats: 'by-link',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserAdd': {
    paths: ['/v3/auth/user/add'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserGet': {
    paths: ['/v3/auth/user/get'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'everywhere',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserList': {
    paths: ['/v3/auth/user/list'],
    needs: 'read',
    user: 'root',
    repeats: 'everywhere',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserDelete': {
    paths: ['/v3/auth/user/delete'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserChangePassword': {
    paths: ['/v3/auth/user/changepw'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserGrantRole': {
    paths: ['/v3/auth/user/grant'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/UserRevokeRole': {
    paths: ['/v3/auth/user/revoke'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleAdd': {
    paths: ['/v3/auth/role/add'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleGet': {
    paths: ['/v3/auth/role/get'],
    needs: 'read',
    user: 'as-asked',
    repeats: 'everywhere',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleList': {
    paths: ['/v3/auth/role/list'],
    needs: 'read',
    user: 'root',
    repeats: 'everywhere',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleDelete': {
    paths: ['/v3/auth/role/delete'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleGrantPermission': {
    paths: ['/v3/auth/role/grant'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/etcdserverpb.Auth/RoleRevokePermission': {
    paths: ['/v3/auth/role/revoke'],
    needs: 'write',
    user: 'root',
    repeats: 'never',
    proposed: true,
  },
  '/v3lockpb.Lock/Lock': {
    paths: ['/v3/lock/lock'],
    needs: 'write',
    user: 'anybody',
    repeats: 'never',
    ends: 'in-turn',
  },
  '/v3lockpb.Lock/Unlock': {
    paths: ['/v3/lock/unlock'],
    needs: 'write',
    user: 'anybody',
    repeats: 'never',
  },
  '/v3electionpb.Election/Campaign': {
    paths: ['/v3/election/campaign'],
    needs: 'write',
    user: 'anybody',
    repeats: 'never',
    ends: 'in-turn',
  },
  '/v3electionpb.Election/Proclaim': {
    paths: ['/v3/election/proclaim'],
    needs: 'write',
    user: 'anybody',
    repeats: 'never',
  },
  '/v3electionpb.Election/Leader': {
    paths: ['/v3/election/leader'],
    needs: 'read',
    user: 'anybody',
    repeats: 'never',
  },
  '/v3electionpb.Election/Observe': {
    paths: ['/v3/election/observe'],
    needs: 'read',
    user: 'anybody',
    repeats: 'never',
    ends: 'when-left',
  },
  '/v3electionpb.Election/Resign': {
    paths: ['/v3/election/resign'],
    needs: 'write',
    user: 'anybody',
    repeats: 'never',
  },
} as const satisfies { readonly [method in MethodName]: MethodFacts }

/** A method that is not in the table does not compile. */
export const methods: { readonly [method in MethodName]: MethodFacts } = table

/** The methods of which a fact is such. */
export type MethodsWhere<K extends keyof MethodFacts, V> = {
  readonly [method in MethodName]: (typeof table)[method] extends { readonly [key in K]: V }
    ? method
    : never
}[MethodName]

type Path = (typeof table)[MethodName]['paths'][number]

/** By path. All that is not among them is Not Found. */
export const routes = Object.fromEntries(
  (Object.keys(table) as MethodName[]).flatMap((name) =>
    table[name].paths.map((path) => [path, name]),
  ),
) as { readonly [path in Path]: MethodName }

/** What the labels of grpc_server_started_total call a method, besides its name. */
export type Streaming = 'unary' | 'server_stream' | 'bidi_stream'

/** No method of etcd streams from the client alone. */
export function streaming(name: MethodName): Streaming {
  const { clientStreaming, serverStreaming } = rpcMethods[name]
  if (!serverStreaming) {
    return 'unary'
  }
  return clientStreaming ? 'bidi_stream' : 'server_stream'
}
