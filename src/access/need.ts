import { AlarmAction } from '../maintenance/alarm.ts'
import { DowngradeAction } from '../maintenance/downgrade.ts'
import type {
  AlarmRequest,
  DowngradeRequest,
  RequestOp,
  TxnRequest,
} from '../protocol/generated/messages.ts'
import type { MethodName } from '../protocol/methods.ts'

/** Whether a call changes anything, which for some the request says. */
type Need<T> = 'read' | 'write' | ((request: T) => 'read' | 'write')

/**
 * What a read-only token may call. To renew a lease is a write: it keeps keys alive that would else
 * go. To log in is none: who an etcd user is decides about less than the token does.
 */
const needs: { readonly [method in MethodName]: Need<never> } = {
  '/etcdserverpb.KV/Range': 'read',
  '/etcdserverpb.KV/RangeStream': 'read',
  '/etcdserverpb.KV/Put': 'write',
  '/etcdserverpb.KV/DeleteRange': 'write',
  '/etcdserverpb.KV/Txn': needOfTxn,
  '/etcdserverpb.KV/Compact': 'write',
  '/etcdserverpb.Watch/Watch': 'read',
  '/etcdserverpb.Lease/LeaseGrant': 'write',
  '/etcdserverpb.Lease/LeaseRevoke': 'write',
  '/etcdserverpb.Lease/LeaseKeepAlive': 'write',
  '/etcdserverpb.Lease/LeaseTimeToLive': 'read',
  '/etcdserverpb.Lease/LeaseLeases': 'read',
  '/etcdserverpb.Cluster/MemberAdd': 'write',
  '/etcdserverpb.Cluster/MemberRemove': 'write',
  '/etcdserverpb.Cluster/MemberUpdate': 'write',
  '/etcdserverpb.Cluster/MemberList': 'read',
  '/etcdserverpb.Cluster/MemberPromote': 'write',
  '/etcdserverpb.Maintenance/Alarm': ({ action }: AlarmRequest) =>
    action === AlarmAction.GET ? 'read' : 'write',
  '/etcdserverpb.Maintenance/Status': 'read',
  '/etcdserverpb.Maintenance/Defragment': 'write',
  '/etcdserverpb.Maintenance/Hash': 'read',
  '/etcdserverpb.Maintenance/HashKV': 'read',
  '/etcdserverpb.Maintenance/Snapshot': 'read',
  '/etcdserverpb.Maintenance/MoveLeader': 'write',
  '/etcdserverpb.Maintenance/Downgrade': ({ action }: DowngradeRequest) =>
    action === DowngradeAction.VALIDATE ? 'read' : 'write',
  '/etcdserverpb.Auth/AuthEnable': 'write',
  '/etcdserverpb.Auth/AuthDisable': 'write',
  '/etcdserverpb.Auth/AuthStatus': 'read',
  '/etcdserverpb.Auth/Authenticate': 'read',
  '/etcdserverpb.Auth/UserAdd': 'write',
  '/etcdserverpb.Auth/UserGet': 'read',
  '/etcdserverpb.Auth/UserList': 'read',
  '/etcdserverpb.Auth/UserDelete': 'write',
  '/etcdserverpb.Auth/UserChangePassword': 'write',
  '/etcdserverpb.Auth/UserGrantRole': 'write',
  '/etcdserverpb.Auth/UserRevokeRole': 'write',
  '/etcdserverpb.Auth/RoleAdd': 'write',
  '/etcdserverpb.Auth/RoleGet': 'read',
  '/etcdserverpb.Auth/RoleList': 'read',
  '/etcdserverpb.Auth/RoleDelete': 'write',
  '/etcdserverpb.Auth/RoleGrantPermission': 'write',
  '/etcdserverpb.Auth/RoleRevokePermission': 'write',
  '/v3lockpb.Lock/Lock': 'write',
  '/v3lockpb.Lock/Unlock': 'write',
  '/v3electionpb.Election/Campaign': 'write',
  '/v3electionpb.Election/Proclaim': 'write',
  '/v3electionpb.Election/Leader': 'read',
  '/v3electionpb.Election/Observe': 'read',
  '/v3electionpb.Election/Resign': 'write',
}

/** The request is one of the method's request type. */
export function needOf(method: MethodName, request: object): 'read' | 'write' {
  // The table pairs each method with a function of its request type.
  const need = needs[method] as Need<object>
  return typeof need === 'string' ? need : need(request)
}

/** In whichever branch and however deep: the branch that a token may not write could be the one taken. */
function needOfTxn({ success, failure }: TxnRequest): 'read' | 'write' {
  return [...success, ...failure].every(isRead) ? 'read' : 'write'
}

function isRead({ requestRange, requestTxn }: RequestOp): boolean {
  return (
    requestRange !== undefined || (requestTxn !== undefined && needOfTxn(requestTxn) === 'read')
  )
}
