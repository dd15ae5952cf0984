/** The Auth service (server/etcdserver/api/v3rpc/auth.go and v3_server.go). */
import type { AuthStore } from '../../auth/auth-store.ts'
import { isTooCostly } from '../../auth/password.ts'
import type { Principal } from '../../auth/principal.ts'
import { EngineError } from '../../mvcc/errors.ts'
import { ROW_BYTES_MAX } from '../../mvcc/value-parts.ts'
import { fromBase64 } from '../../protocol/base64-decode.ts'
import { toBase64 } from '../../protocol/base64.ts'
import type {
  AuthenticateRequest,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGetRequest,
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGetRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
} from '../../protocol/generated/messages.ts'
import { type AuthMethod, requestTooLarge } from '../../protocol/request-size.ts'
import { statusOf } from '../../protocol/status.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Page } from '../page.ts'
import type { Handler, Parts, StepsFacts } from '../run.ts'
import { requireFitting } from './kv.ts'

const USER_ADD = '/etcdserverpb.Auth/UserAdd'
const CHANGE_PASSWORD = '/etcdserverpb.Auth/UserChangePassword'

type HandlersOf<M extends AuthMethod> = { readonly [method in M]: Handler<never> }

export const authHandlers: HandlersOf<AuthMethod> = {
  // Who logs in need not be anybody yet: whatever token comes along is not looked at.
  '/etcdserverpb.Auth/Authenticate': { admits: 'itself', steps: authenticate },
  [USER_ADD]: { admits: 'itself', steps: userAdd },
  [CHANGE_PASSWORD]: { admits: 'itself', steps: userChangePassword },
  ...changes({
    '/etcdserverpb.Auth/AuthEnable': (auth) => auth.enable(),
    '/etcdserverpb.Auth/AuthDisable': (auth) => auth.disable(),
    '/etcdserverpb.Auth/UserDelete': (auth, { name }: AuthUserDeleteRequest) =>
      auth.userDelete(name),
    '/etcdserverpb.Auth/UserGrantRole': (auth, request: AuthUserGrantRoleRequest) =>
      auth.userGrantRole(request),
    '/etcdserverpb.Auth/UserRevokeRole': (auth, request: AuthUserRevokeRoleRequest) =>
      auth.userRevokeRole(request),
    '/etcdserverpb.Auth/RoleAdd': (auth, { name }: AuthRoleAddRequest) => auth.roleAdd(name),
    '/etcdserverpb.Auth/RoleDelete': (auth, { role }: AuthRoleDeleteRequest) =>
      auth.roleDelete(role),
    '/etcdserverpb.Auth/RoleGrantPermission': (auth, request: AuthRoleGrantPermissionRequest) =>
      auth.roleGrantPermission(request),
    '/etcdserverpb.Auth/RoleRevokePermission': (auth, request: AuthRoleRevokePermissionRequest) =>
      auth.roleRevokePermission(request),
  }),
  ...lookups({
    '/etcdserverpb.Auth/AuthStatus': ({ enabled, revision: authRevision }) => ({
      enabled,
      authRevision,
    }),
    '/etcdserverpb.Auth/UserGet': (auth, { name }: AuthUserGetRequest) => ({
      roles: auth.userGet(name),
    }),
    '/etcdserverpb.Auth/UserList': (auth) => ({ users: auth.userList() }),
    '/etcdserverpb.Auth/RoleGet': (auth, { role }: AuthRoleGetRequest) => ({
      perm: auth.roleGet(role),
    }),
    '/etcdserverpb.Auth/RoleList': (auth) => ({ roles: auth.roleList() }),
  }),
}

/** By method, what it does. Each table pairs a method with its own request type. */
type Deeds<M extends AuthMethod, R> = {
  readonly [method in M]: (auth: AuthStore, request: never) => R
}
type Deed<R> = (auth: AuthStore, request: object) => R

function changes<M extends AuthMethod>(deeds: Deeds<M, void>): HandlersOf<M> {
  return handlersOf<M, void>(deeds, (method, deed) => ({
    admits: 'itself',
    tells: true,
    write: (keyspace, request: object, { principal }) => {
      admit(keyspace, principal, method, request)
      deed(keyspace.auth, request)
      return { header: keyspace.header() }
    },
  }))
}

function lookups<M extends AuthMethod>(deeds: Deeds<M, object>): HandlersOf<M> {
  return handlersOf<M, object>(deeds, (method, deed) => ({
    admits: 'itself',
    read: (keyspace, request: object, { principal }) => {
      admit(keyspace, principal, method, request)
      return { response: { header: keyspace.header(), ...deed(keyspace.auth, request) } }
    },
  }))
}

function handlersOf<M extends AuthMethod, R>(
  deeds: Deeds<M, R>,
  handlerOf: (method: AuthMethod, deed: Deed<R>) => Handler<object>,
): HandlersOf<M> {
  const entries = Object.entries(deeds).map(([method, deed]) => [
    method,
    handlerOf(method as AuthMethod, deed as Deed<R>),
  ])
  return Object.fromEntries(entries) as HandlersOf<M>
}

/** Lookups are proposed to etcd's raft log as well, and so have their size checked. */
function admit(
  keyspace: Keyspace,
  principal: Principal,
  method: AuthMethod,
  request: object,
): void {
  principal.authenticate()
  requireFitting(keyspace, method, request)
  // Names and ranges stand in one row.
  if (requestTooLarge(method, request, ROW_BYTES_MAX)) {
    throw new EngineError('request-too-large')
  }
  principal.authorize(method, request)
}

/** Begins anew where users or roles have changed while the password was compared. */
async function authenticate(
  { keyspace, passwords }: Parts,
  { name, password }: AuthenticateRequest,
  { gone, measured }: StepsFacts,
): Promise<Page> {
  const { auth, tokens } = keyspace
  for (;;) {
    const check = auth.passwordCheck(name)
    if (!(await passwords.matches({ name, password }, check.hash, gone))) {
      throw new EngineError('auth-failed')
    }
    const info = measured(() => auth.authenticated(name, check))(Date.now())
    if (info !== 'stale') {
      return { response: { header: keyspace.header(), token: await tokens.issue(info) } }
    }
  }
}

/**
 * The password is hashed before anything is asked, as in etcd, which then overwrites with it the hash
 * that a client may have given; what it proposes has the hash and no password.
 */
async function userAdd(
  { keyspace, commits, passwords, told }: Parts,
  request: AuthUserAddRequest,
  { principal, gone, measured }: StepsFacts,
): Promise<Page> {
  const { name, password, options } = request
  const hash = options?.noPassword === true ? undefined : await passwords.hash(password, gone)
  const proposed =
    hash === undefined ? request : { ...request, password: '', hashedPassword: toBase64(hash) }
  const write = measured(() => {
    admit(keyspace, principal, USER_ADD, proposed)
    keyspace.auth.userAdd(name, hash)
    return { header: keyspace.header() }
  })
  const response = await commits.submit(write)
  await told()
  return { response }
}

/** Here the hash that a client has given counts where it gives no password. */
async function userChangePassword(
  { keyspace, commits, passwords, told }: Parts,
  request: AuthUserChangePasswordRequest,
  { principal, gone, measured }: StepsFacts,
): Promise<Page> {
  const { name, password, hashedPassword } = request
  const hash = password === '' ? fromBase64(hashedPassword) : await passwords.hash(password, gone)
  const proposed =
    password === '' || hash === undefined
      ? request
      : { ...request, password: '', hashedPassword: toBase64(hash) }
  const write = measured(() => {
    admit(keyspace, principal, CHANGE_PASSWORD, proposed)
    if (hash !== undefined && isTooCostly(hash, keyspace.settings.bcryptCost)) {
      throw statusOf('hash-too-costly')
    }
    keyspace.auth.userChangePassword(name, hash)
    return { header: keyspace.header() }
  })
  const response = await commits.submit(write)
  await told()
  return { response }
}
