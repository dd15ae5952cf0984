import { EngineError } from '../mvcc/errors.ts'
import { compareBytes, isFromKey, isPoint } from '../mvcc/key-range.ts'
import { numberOf, type Sql } from '../mvcc/sql.ts'
import type { KeyRange } from '../mvcc/types.ts'
import type {
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
  Permission,
} from '../protocol/generated/messages.ts'
import { PermissionType, type RangePermissions } from './range-permissions.ts'
import { Roles } from './roles.ts'
import { SimpleTokens } from './simple-token.ts'
import { UserCache } from './user-cache.ts'
import { ROOT, type User, Users } from './users.ts'

const NO_PASSWORD = new Uint8Array(0)
/** What RoleGet answers for the role `root`, whatever it was granted. */
const ROOT_PERMISSION: Permission = {
  permType: PermissionType.READWRITE,
  key: new Uint8Array(0),
  rangeEnd: new Uint8Array(1),
}

const SELECT_AUTH = 'SELECT enabled, revision FROM auth'
export const UPDATE_ENABLED = 'UPDATE auth SET enabled = ?'
export const UPDATE_REVISION = 'UPDATE auth SET revision = ?'

/** Who asks: a revision of 0 is nobody's. */
export interface AuthInfo {
  readonly username: string
  /** The auth revision that the credentials speak of: the current one unless a JWT says another. */
  readonly revision: number
}

export interface AuthOptions {
  /** That of a cryptographer; the length is in bytes. */
  readonly random: (length: number) => Uint8Array
  /** Milliseconds that a simple token lives after its last use. */
  readonly tokenTtl: number
}

/** What proves a password, and the auth revision at which that was so. */
export interface PasswordCheck {
  /** The text of a bcrypt hash; no bytes match no password. */
  readonly hash: Uint8Array
  readonly revision: number
}

export interface RolePermissions {
  readonly name: string
  /** By key, then as they were granted. */
  readonly permissions: readonly Permission[]
}

/**
 * Users, roles and their permissions (server/auth/store.go). Every change takes one auth revision,
 * as does disabling; enabling, and a grant of a role that the user has, do not.
 *
 * Who may call what is `checkPermission`, not asked here. Passwords come hashed and are compared by the
 * caller, because bcrypt takes long. Each change is one transaction, and memory follows it; whoever
 * rolls a larger transaction back goes on with a new AuthStore.
 */
export class AuthStore {
  readonly #sql: Sql
  readonly #users: Users
  readonly #roles: Roles
  readonly #tokens: SimpleTokens
  readonly #cache: UserCache
  /** The names of users that bear tokens, by password revision. */
  readonly #bearers = new Map<number, string>()
  #enabled: boolean
  #revision: number

  constructor(sql: Sql, { random, tokenTtl }: AuthOptions) {
    this.#sql = sql
    this.#users = new Users(sql)
    this.#roles = new Roles(sql)
    this.#cache = new UserCache(this.#users, this.#roles)
    this.#tokens = new SimpleTokens(sql, random, tokenTtl)
    const row = sql.first(SELECT_AUTH)
    this.#enabled = numberOf(row?.[0]) === 1
    this.#revision = numberOf(row?.[1])
  }

  /** Another one has written: nothing that memory knows counts any more. */
  reread(): void {
    const row = this.#sql.first(SELECT_AUTH)
    this.#enabled = numberOf(row?.[0]) === 1
    this.#revision = numberOf(row?.[1])
    this.#cache.forget()
    this.#tokens.forget()
    this.#bearers.clear()
  }

  get enabled(): boolean {
    return this.#enabled
  }

  get revision(): number {
    return this.#revision
  }

  /** Throws `root-user-missing` or `root-role-missing`; does nothing where auth is on. */
  enable(): void {
    if (this.#enabled) {
      return
    }
    const root = this.user(ROOT)
    if (root === undefined) {
      throw new EngineError('root-user-missing')
    }
    if (!root.root) {
      throw new EngineError('root-role-missing')
    }
    this.#sql.transaction(() => {
      this.#sql.run(UPDATE_ENABLED, 1)
      this.#tokens.enable()
    })
    this.#enabled = true
  }

  /** All tokens die with it. */
  disable(): void {
    if (this.#enabled) {
      this.#commit(() => {
        this.#sql.run(UPDATE_ENABLED, 0)
        this.#tokens.disable()
      })
      this.#enabled = false
    }
  }

  /** Of those that are, and as they are at the current revision. */
  user(name: string): User | undefined {
    return this.#cache.user(name)
  }

  /**
   * Undefined for a user that is not. Once known they follow each change; the first time takes long
   * for a user of many roles, some microseconds a range.
   */
  permissions(name: string): RangePermissions | undefined {
    return this.#cache.permissions(name)
  }

  /** `password` is a hash; undefined is a user that has none and never will. */
  userAdd(name: string, password: Uint8Array | undefined): void {
    if (name === '') {
      throw new EngineError('user-empty')
    }
    if (this.user(name) !== undefined) {
      throw new EngineError('user-exists')
    }
    this.#commit((passwordRevision) => {
      const noPassword = password === undefined
      this.#users.add({ name, password: password ?? NO_PASSWORD, noPassword, passwordRevision })
    })
  }

  userDelete(name: string): void {
    if (this.#enabled && name === ROOT) {
      throw new EngineError('invalid-auth-management')
    }
    this.#existing(name)
    this.#commit(() => this.#users.remove(name))
    this.#cache.userChanged(name)
  }

  /**
   * Also ends the user's tokens. An undefined hash is one that the client gave and that is not
   * base64; a user without password stays without, whatever is given.
   */
  userChangePassword(name: string, password: Uint8Array | undefined): void {
    const { noPassword } = this.#existing(name)
    if (!noPassword && password === undefined) {
      throw new EngineError('no-password-user')
    }
    this.#commit((passwordRevision) => {
      const kept = noPassword ? undefined : password
      this.#users.setPassword(name, kept ?? NO_PASSWORD, passwordRevision)
    })
    this.#cache.userChanged(name)
  }

  /** The role `root` may be granted without there being such a role. */
  userGrantRole({ user: name, role }: AuthUserGrantRoleRequest): void {
    const user = this.#existing(name)
    if (role !== ROOT) {
      this.#requireRole(role)
    }
    if (!user.roles.includes(role)) {
      this.#commit(() => this.#users.grant(name, role))
      this.#cache.userRolesChanged(name, { added: this.#roles.permissions(role), removed: [] })
    }
  }

  userRevokeRole({ name, role }: AuthUserRevokeRoleRequest): void {
    if (this.#enabled && name === ROOT && role === ROOT) {
      throw new EngineError('invalid-auth-management')
    }
    if (!this.#existing(name).roles.includes(role)) {
      throw new EngineError('role-not-granted')
    }
    this.#commit(() => this.#users.revoke(name, role))
    this.#cache.userRolesChanged(name, { added: [], removed: this.#roles.permissions(role) })
  }

  /** The user's roles, in byte order. */
  userGet(name: string): readonly string[] {
    return this.#existing(name).roles
  }

  /** In byte order. */
  userList(): readonly string[] {
    return this.#users.names()
  }

  roleAdd(name: string): void {
    if (name === '') {
      throw new EngineError('role-empty')
    }
    if (this.#roles.has(name)) {
      throw new EngineError('role-exists')
    }
    this.#commit(() => this.#roles.add(name))
  }

  /** Takes the role from everybody who has it. */
  roleDelete(name: string): void {
    if (this.#enabled && name === ROOT) {
      throw new EngineError('invalid-auth-management')
    }
    this.#requireRole(name)
    const removed = this.#roles.permissions(name)
    this.#commit(() => {
      this.#users.revokeFromAll(name)
      this.#roles.remove(name)
    })
    this.#cache.roleDeleted(name, { added: [], removed })
  }

  /** In the order of their keys. */
  roleGet(name: string): readonly Permission[] {
    this.#requireRole(name)
    return name === ROOT ? [ROOT_PERMISSION] : this.#roles.permissions(name)
  }

  /** In byte order. */
  roleList(): readonly string[] {
    return this.#roles.names()
  }

  roleGrantPermission({ name, perm }: AuthRoleGrantPermissionRequest): void {
    if (perm === undefined) {
      throw new EngineError('permission-not-given')
    }
    if (!isPermissionRange(perm)) {
      throw new EngineError('invalid-auth-management')
    }
    this.#requireRole(name)
    const replaced = this.#roles.replacedBy(name, perm)
    this.#commit(() => this.#roles.grant(name, perm))
    const removed = replaced === undefined ? [] : [replaced]
    this.#cache.roleChanged(name, { added: [perm], removed })
  }

  roleRevokePermission({ role, key, rangeEnd }: AuthRoleRevokePermissionRequest): void {
    this.#requireRole(role)
    const removed = this.#roles.granted(role, { key, rangeEnd })
    if (removed.length === 0) {
      throw new EngineError('permission-not-granted')
    }
    this.#commit(() => this.#roles.revoke(role, { key, rangeEnd }))
    this.#cache.roleChanged(role, { added: [], removed })
  }

  /** All users with all that is known of them, in byte order. */
  users(): readonly User[] {
    return this.#users.all()
  }

  /** All roles with the permissions that they were granted, in byte order. */
  roles(): readonly RolePermissions[] {
    return this.#roles.names().map((name) => ({ name, permissions: this.#roles.permissions(name) }))
  }

  /**
   * The first half of Authenticate, before the caller compares the password with the hash: throws
   * `auth-not-enabled`, `auth-failed` for no such user, or `no-password-user`.
   */
  passwordCheck(name: string): PasswordCheck {
    this.#requireEnabled()
    const user = this.user(name)
    if (user === undefined) {
      throw new EngineError('auth-failed')
    }
    if (user.noPassword) {
      throw new EngineError('no-password-user')
    }
    return { hash: user.password, revision: this.#revision }
  }

  /**
   * The second half, after a password was found right: who the caller now is, or `stale` where
   * users or roles have changed since its first half, which then begins anew.
   */
  authenticated(name: string, { revision }: PasswordCheck): AuthInfo | 'stale' {
    this.#requireEnabled()
    const user = this.user(name)
    if (user === undefined || user.noPassword) {
      throw new EngineError('auth-failed')
    }
    return revision === this.#revision ? { username: name, revision } : 'stale'
  }

  /** A simple token for who has just authenticated. */
  assignToken({ username }: AuthInfo, now: number): string {
    return this.#tokens.assign(this.#existing(username).passwordRevision, now)
  }

  /** Who bears a simple token; each call is a use of it. Throws `invalid-auth-token`. */
  authInfo(token: string, now: number): AuthInfo {
    const statement = this.#tokens.statementOf(token, now)
    const username = statement && this.#bearer(statement.passwordRevision)
    if (username === undefined) {
      throw new EngineError('invalid-auth-token')
    }
    this.#tokens.renew(token, now)
    return { username, revision: this.#revision }
  }

  /**
   * Credentials of an earlier revision as they are at this one, unless the user's password was set
   * since, or the user is another one of the same name.
   */
  renewed(who: AuthInfo): AuthInfo {
    const user = this.user(who.username)
    const isSame = user !== undefined && user.passwordRevision <= who.revision
    return isSame && who.revision < this.#revision ? { ...who, revision: this.#revision } : who
  }

  /** The write is given the revision that it makes. */
  #commit(write: (revision: number) => void): void {
    const revision = this.#revision + 1
    this.#sql.transaction(() => {
      write(revision)
      this.#sql.run(UPDATE_REVISION, revision)
    })
    this.#revision = revision
    this.#bearers.clear()
  }

  #bearer(passwordRevision: number): string | undefined {
    const name = this.#bearers.get(passwordRevision) ?? this.#users.nameOf(passwordRevision)
    if (name !== undefined) {
      this.#bearers.set(passwordRevision, name)
    }
    return name
  }

  #existing(name: string): User {
    const user = this.user(name)
    if (user === undefined) {
      throw new EngineError('user-not-found')
    }
    return user
  }

  #requireRole(name: string): void {
    if (!this.#roles.has(name)) {
      throw new EngineError('role-not-found')
    }
  }

  #requireEnabled(): void {
    if (!this.#enabled) {
      throw new EngineError('auth-not-enabled')
    }
  }
}

/** An empty range is none, but "\0" as the end is open (range_perm_cache.go). */
function isPermissionRange(range: KeyRange): boolean {
  if (range.key.length === 0) {
    return false
  }
  return isPoint(range) || isFromKey(range) || compareBytes(range.key, range.rangeEnd) < 0
}
