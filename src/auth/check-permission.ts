import { AlarmAction } from '../maintenance/alarm.ts'
import { EngineError } from '../mvcc/errors.ts'
import { type KeyRange, type LeaseId, NO_LEASE } from '../mvcc/types.ts'
import type {
  AlarmRequest,
  AuthRoleGetRequest,
  AuthUserGetRequest,
  DeleteRangeRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  WatchRequest,
} from '../protocol/generated/messages.ts'
import { type MethodName, methods, type MethodsWhere } from '../protocol/methods.ts'
import type { AuthInfo, AuthStore } from './auth-store.ts'
import { textRange } from './key-text.ts'

/** The keys that are attached to leases: who has a lease in hand has them too. */
export interface LeasedKeys {
  leases(): readonly LeaseId[]
  /** None for a lease that is not. */
  leasedKeys(lease: LeaseId): readonly Uint8Array[]
}

/** Who comes, and before what. */
export interface Visit {
  readonly auth: AuthStore
  /** Undefined is somebody without credentials. */
  readonly who: AuthInfo | undefined
  readonly leases: LeasedKeys
}

/**
 * What is asked of the caller where the request says it: server/etcdserver/apply/auth.go and
 * v3_server.go, and what api/v3rpc checks before them.
 */
const rules: {
  readonly [method in MethodsWhere<'user', 'as-asked'>]: (visit: Visit, request: never) => void
} = {
  '/etcdserverpb.KV/Range': checkRead,
  '/etcdserverpb.KV/RangeStream': checkRead,
  '/etcdserverpb.KV/Put': checkPut,
  '/etcdserverpb.KV/DeleteRange': checkDeleteRange,
  '/etcdserverpb.KV/Txn': checkTxn,
  '/etcdserverpb.Watch/Watch': checkWatch,
  '/etcdserverpb.Lease/LeaseRevoke': checkLeaseChange,
  '/etcdserverpb.Lease/LeaseKeepAlive': checkLeaseChange,
  '/etcdserverpb.Lease/LeaseTimeToLive': checkLeaseTimeToLive,
  '/etcdserverpb.Lease/LeaseLeases': checkLeaseLeases,
  '/etcdserverpb.Maintenance/Alarm': checkAlarm,
  '/etcdserverpb.Auth/UserGet': checkUserGet,
  '/etcdserverpb.Auth/RoleGet': checkRoleGet,
}

/**
 * Throws `user-empty` for who shows no credentials, `auth-old-revision`, `user-not-found` or
 * `permission-denied`. The request is one of the method's request type.
 */
export function checkPermission(visit: Visit, method: MethodName, request: object): void {
  if (!visit.auth.enabled) {
    return
  }
  switch (methods[method].user) {
    case 'anybody':
      break
    case 'user':
      requireUser(visit)
      break
    case 'root':
      requireRoot(visit)
      break
    case 'as-asked': {
      // The table pairs each method with a rule for its request type.
      const rule = rules[method as keyof typeof rules] as (visit: Visit, request: object) => void
      rule(visit, request)
    }
  }
}

function checkRead(visit: Visit, range: RangeRequest): void {
  requirePermission(visit, range, 'read')
  requireCurrent(visit)
}

/** A lease's other keys go when it does, so attaching to it takes the right to delete them. */
function checkPut(visit: Visit, { key, lease, prevKv }: PutRequest): void {
  requirePermission(visit, pointOf(key), 'write')
  requireLeasedKeys(visit, lease)
  if (prevKv) {
    requirePermission(visit, pointOf(key), 'read')
  }
}

function checkDeleteRange(visit: Visit, request: DeleteRangeRequest): void {
  requirePermission(visit, request, 'write')
  if (request.prevKv) {
    requirePermission(visit, request, 'read')
  }
}

function checkTxn(visit: Visit, request: TxnRequest): void {
  checkTxnPermissions(visit, request)
  if ([...request.success, ...request.failure].every((op) => op.requestRange !== undefined)) {
    requireCurrent(visit)
  }
}

/** Both branches, whichever will be taken. */
function checkTxnPermissions(visit: Visit, { compare, success, failure }: TxnRequest): void {
  for (const range of compare) {
    requirePermission(visit, range, 'read')
  }
  for (const op of success) {
    checkOp(visit, op)
  }
  for (const op of failure) {
    checkOp(visit, op)
  }
}

function checkOp(visit: Visit, op: RequestOp): void {
  if (op.requestRange !== undefined) {
    requirePermission(visit, op.requestRange, 'read')
  } else if (op.requestPut !== undefined) {
    checkPut(visit, op.requestPut)
  } else if (op.requestDeleteRange !== undefined) {
    checkDeleteRange(visit, op.requestDeleteRange)
  } else if (op.requestTxn !== undefined) {
    checkTxnPermissions(visit, op.requestTxn)
  }
}

/** Only a creation is checked: what is taken away later does not end a watch. */
function checkWatch(visit: Visit, { createRequest }: WatchRequest): void {
  if (createRequest !== undefined) {
    const { key, rangeEnd } = createRequest
    requirePermission(visit, { key: key.length === 0 ? FIRST_KEY : key, rangeEnd }, 'read')
  }
}

function checkLeaseChange(visit: Visit, { ID }: LeaseRevokeRequest | LeaseKeepAliveRequest): void {
  requireUser(visit)
  requireLeasedKeys(visit, ID)
}

function checkLeaseTimeToLive(visit: Visit, { ID, keys }: LeaseTimeToLiveRequest): void {
  requireUser(visit)
  if (keys && !isRoot(visit)) {
    requireKeysOf(visit, ID, 'read')
  }
}

function checkLeaseLeases(visit: Visit): void {
  requireUser(visit)
  if (!isRoot(visit)) {
    for (const lease of visit.leases.leases()) {
      requireKeysOf(visit, lease, 'read')
    }
  }
}

function checkAlarm(visit: Visit, { action }: AlarmRequest): void {
  if (action === AlarmAction.GET) {
    requireUser(visit)
  } else {
    requireRoot(visit)
  }
}

/** Everybody may know of himself; as in etcd, nobody's name is the empty one. */
function checkUserGet(visit: Visit, { name }: AuthUserGetRequest): void {
  if (name !== (visit.who?.username ?? '')) {
    requireRoot(visit)
  }
}

function checkRoleGet(visit: Visit, { role }: AuthRoleGetRequest): void {
  const user = visit.who && visit.auth.user(visit.who.username)
  if (user?.roles.includes(role) !== true) {
    requireRoot(visit)
  }
}

function requireUser({ who }: Visit): void {
  if (who === undefined) {
    throw new EngineError('user-empty')
  }
}

/** As in etcd, the revision of the credentials does not matter here. */
function requireRoot({ auth, who }: Visit): void {
  if (who === undefined || who.username === '') {
    throw new EngineError('user-empty')
  }
  const user = auth.user(who.username)
  if (user === undefined) {
    throw new EngineError('user-not-found')
  }
  if (!user.root) {
    throw new EngineError('permission-denied')
  }
}

function isRoot({ auth, who }: Visit): boolean {
  return who !== undefined && auth.user(who.username)?.root === true
}

/** The user may be gone: then nothing is permitted, and it is not said why. */
function requirePermission(visit: Visit, range: KeyRange, kind: 'read' | 'write'): void {
  const { auth, who } = visit
  if (who === undefined || who.revision === 0) {
    throw new EngineError('user-empty')
  }
  if (who.revision < auth.revision) {
    throw new EngineError('auth-old-revision')
  }
  if (!isRoot(visit) && auth.permissions(who.username)?.[kind].covers(textRange(range)) !== true) {
    throw new EngineError('permission-denied')
  }
}

/**
 * What is only read is checked against the revision once more, after it was read: credentials of a
 * revision that is yet to come, another server's, do not pass either, even where nothing is asked.
 */
function requireCurrent({ auth, who }: Visit): void {
  if (who !== undefined && who.revision !== 0 && who.revision !== auth.revision) {
    throw new EngineError('auth-old-revision')
  }
}

function requireLeasedKeys(visit: Visit, lease: LeaseId): void {
  if (lease !== NO_LEASE && !isRoot(visit)) {
    requireKeysOf(visit, lease, 'write')
  }
}

/** A lease may have a hundred thousand keys, which need not be read for who may do it to every key. */
function requireKeysOf(visit: Visit, lease: LeaseId, kind: 'read' | 'write'): void {
  if (isPermitted(visit, everyKey, kind)) {
    return
  }
  for (const key of visit.leases.leasedKeys(lease)) {
    requirePermission(visit, pointOf(key), kind)
  }
}

function isPermitted(visit: Visit, range: KeyRange, kind: 'read' | 'write'): boolean {
  try {
    requirePermission(visit, range, kind)
    return true
  } catch {
    return false
  }
}

function pointOf(key: Uint8Array): KeyRange {
  return { key, rangeEnd: NO_END }
}

const NO_END = new Uint8Array(0)
/** "\0" is the first of all keys. */
const FIRST_KEY = new Uint8Array(1)
/** From the first one to the end. */
const everyKey: KeyRange = { key: FIRST_KEY, rangeEnd: FIRST_KEY }
