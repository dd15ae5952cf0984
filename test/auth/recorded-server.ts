import type { AuthInfo } from '../../src/auth/auth-store.ts'
import { checkPermission } from '../../src/auth/check-permission.ts'
import { authInfoOfClaims, claimsOf } from '../../src/auth/jwt-claims.ts'
import { hashPassword, isPassword } from '../../src/auth/password.ts'
import { EngineError } from '../../src/mvcc/errors.ts'
import { checkRange } from '../../src/mvcc/range.ts'
import { checkDeleteRange, checkPut, checkTxn } from '../../src/mvcc/txn-check.ts'
import { fromBase64 } from '../../src/protocol/base64-decode.ts'
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
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { Keyspace, NOW } from './keyspace.ts'

/** The lowest, as in the recorded server. */
const BCRYPT_COST = 4
/** What the recorded server makes of a password that bcrypt cannot take. */
export const LONG_PASSWORD = 'bcrypt: password length exceeds 72 bytes'

/** A method's part of the engine, whatever it answers of the response's fields. */
type Handler<T> = (request: T) => object | Promise<object>
type Handlers = { readonly [method in MethodName]?: Handler<never> }

/**
 * The engine put together as a server would: shapes, then credentials, then the right to ask, then
 * the deed. Of KV and leases it does what other answers depend on.
 */
export class RecordedServer {
  readonly #keyspace = new Keyspace()
  readonly #jwt: boolean
  readonly #tokens = new Map<string, string | AuthInfo>()
  readonly #handlers: Handlers

  constructor(jwt: boolean) {
    this.#jwt = jwt
    this.#handlers = { ...this.#authHandlers(), ...this.#userHandlers(), ...this.#roleHandlers() }
  }

  /** Rejects as the engine throws. `authorization` is that of a recording. */
  async answer(method: MethodName, request: object, authorization?: string): Promise<object> {
    const { auth } = this.#keyspace
    checkShape(method, request)
    const hash = await hashOf(method, request)
    const open = method === '/etcdserverpb.Auth/Authenticate' || !auth.enabled
    const who = open || authorization === undefined ? undefined : this.#who(authorization)
    checkPermission({ auth, who, leases: this.#keyspace }, method, request)
    this.#apply(method, request)
    const handler = this.#handlers[method] as Handler<object> | undefined
    return handler === undefined ? {} : await handler({ ...request, hash })
  }

  /** Keeps what a login answered under the name that the recordings give it. */
  remember(placeholder: string, token: string): void {
    const claims = this.#jwt ? (JSON.parse(token) as Record<string, unknown>) : undefined
    const info = claims && authInfoOfClaims(claims)
    this.#tokens.set(placeholder, info ?? token)
  }

  #who(authorization: string): AuthInfo {
    const [, claims] = /^jwt:(.*)$/.exec(authorization) ?? []
    if (claims !== undefined) {
      return this.#signedElsewhere(JSON.parse(claims) as Record<string, unknown>)
    }
    const token = this.#tokens.get(authorization) ?? authorization
    return typeof token === 'string' ? this.#keyspace.auth.authInfo(token, NOW) : token
  }

  #signedElsewhere(claims: Record<string, unknown>): AuthInfo {
    const info = 'exp' in claims || 'nbf' in claims ? undefined : authInfoOfClaims(claims)
    if (info === undefined) {
      throw new EngineError('invalid-auth-token')
    }
    return info
  }

  #apply(method: MethodName, request: object): void {
    const { store, lessor } = this.#keyspace
    if (method === '/etcdserverpb.KV/Put') {
      store.put(request as PutRequest)
    } else if (method === '/etcdserverpb.KV/DeleteRange') {
      store.deleteRange(request as DeleteRangeRequest)
    } else if (method === '/etcdserverpb.KV/Txn') {
      store.txn(request as TxnRequest)
    } else if (method === '/etcdserverpb.Lease/LeaseGrant') {
      lessor.grant(request as LeaseGrantRequest, NOW)
    }
  }

  #authHandlers(): Handlers {
    const { auth } = this.#keyspace
    return {
      '/etcdserverpb.Auth/AuthEnable': () => nothing(auth.enable()),
      '/etcdserverpb.Auth/AuthDisable': () => nothing(auth.disable()),
      '/etcdserverpb.Auth/AuthStatus': () => ({
        enabled: auth.enabled,
        authRevision: auth.revision,
      }),
      '/etcdserverpb.Auth/Authenticate': async ({ name, password }: AuthenticateRequest) => {
        const check = auth.passwordCheck(name)
        if (!(await isPassword(password, check.hash))) {
          throw new EngineError('auth-failed')
        }
        const info = auth.authenticated(name, check)
        if (info === 'stale') {
          throw new Error('nothing else was asked meanwhile')
        }
        const token = this.#jwt
          ? JSON.stringify(claimsOf(info, NOW, 0))
          : auth.assignToken(info, NOW)
        return { token }
      },
    }
  }

  #userHandlers(): Handlers {
    const { auth } = this.#keyspace
    return {
      '/etcdserverpb.Auth/UserAdd': ({ name, hash }: AuthUserAddRequest & Hashed) =>
        nothing(auth.userAdd(name, hash)),
      '/etcdserverpb.Auth/UserGet': ({ name }: AuthUserGetRequest) => ({
        roles: auth.userGet(name),
      }),
      '/etcdserverpb.Auth/UserList': () => ({ users: auth.userList() }),
      '/etcdserverpb.Auth/UserDelete': ({ name }: AuthUserDeleteRequest) =>
        nothing(auth.userDelete(name)),
      '/etcdserverpb.Auth/UserChangePassword': ({
        name,
        hash,
      }: AuthUserChangePasswordRequest & Hashed) => nothing(auth.userChangePassword(name, hash)),
      '/etcdserverpb.Auth/UserGrantRole': (request: AuthUserGrantRoleRequest) =>
        nothing(auth.userGrantRole(request)),
      '/etcdserverpb.Auth/UserRevokeRole': (request: AuthUserRevokeRoleRequest) =>
        nothing(auth.userRevokeRole(request)),
    }
  }

  #roleHandlers(): Handlers {
    const { auth } = this.#keyspace
    return {
      '/etcdserverpb.Auth/RoleAdd': ({ name }: AuthRoleAddRequest) => nothing(auth.roleAdd(name)),
      '/etcdserverpb.Auth/RoleGet': ({ role }: AuthRoleGetRequest) => ({
        perm: auth.roleGet(role),
      }),
      '/etcdserverpb.Auth/RoleList': () => ({ roles: auth.roleList() }),
      '/etcdserverpb.Auth/RoleDelete': ({ role }: AuthRoleDeleteRequest) =>
        nothing(auth.roleDelete(role)),
      '/etcdserverpb.Auth/RoleGrantPermission': (request: AuthRoleGrantPermissionRequest) =>
        nothing(auth.roleGrantPermission(request)),
      '/etcdserverpb.Auth/RoleRevokePermission': (request: AuthRoleRevokePermissionRequest) =>
        nothing(auth.roleRevokePermission(request)),
    }
  }
}

interface Hashed {
  readonly hash: Uint8Array | undefined
}

/** What api/v3rpc refuses before it asks who comes. */
function checkShape(method: MethodName, request: object): void {
  if (method === '/etcdserverpb.KV/Range') {
    checkRange(request as RangeRequest)
  } else if (method === '/etcdserverpb.KV/Put') {
    checkPut(request as PutRequest)
  } else if (method === '/etcdserverpb.KV/DeleteRange') {
    checkDeleteRange(request as DeleteRangeRequest)
  } else if (method === '/etcdserverpb.KV/Txn') {
    checkTxn(request as TxnRequest, 128)
  }
}

/** Passwords are hashed before anything is checked, and a given hash never counts at UserAdd. */
async function hashOf(method: MethodName, request: object): Promise<Uint8Array | undefined> {
  if (method === '/etcdserverpb.Auth/UserAdd') {
    const { password, options } = request as AuthUserAddRequest
    return options?.noPassword === true ? undefined : await hashed(password)
  }
  if (method === '/etcdserverpb.Auth/UserChangePassword') {
    const { password, hashedPassword } = request as AuthUserChangePasswordRequest
    return password === '' ? fromBase64(hashedPassword) : await hashed(password)
  }
  return undefined
}

async function hashed(password: string): Promise<Uint8Array> {
  const hash = await hashPassword(password, BCRYPT_COST)
  if (hash === undefined) {
    throw new Error(LONG_PASSWORD)
  }
  return hash
}

function nothing(_done: void): object {
  return {}
}
