import type { V2RoleChange, V2UserChange } from '../protocol/v2-service-call.ts'
import { V2AuthError } from './auth-error.ts'
import {
  firstGuestRole,
  isEmpty,
  roleJson,
  rootRole,
  storedRole,
  storedUser,
  userJson,
  type V2Role,
  type V2User,
  withRootRole,
} from './auth-records.ts'
import { V2Error } from './error.ts'
import { nameOf } from './path.ts'
import { granted, revoked } from './permissions.ts'
import type { V2Content, V2Store } from './store.ts'

/** Beside the keys of clients, in the same store, as in etcd (v2auth.StorePermsPrefix). */
const PREFIX = '/2'
const ENABLED = `${PREFIX}/enabled`

/**
 * The users and roles of etcd's v2 API (api/v2auth/auth.go). They are nodes of its store, so that each
 * change counts its index, and each look is counted in its statistics, as often as etcd's own. `now` is
 * the caller's clock in ms since 1970. What is refused throws a V2AuthError or a V2Error.
 */
export class V2AuthStore {
  readonly #store: V2Store
  /** Whether the directories are known to be there. */
  #isPrepared = false
  /** Whether users are looked at; undefined where nothing is kept of it, null where nobody has looked. */
  #enabled: boolean | undefined | null = null

  constructor(store: V2Store) {
    this.#store = store
  }

  /** Asked with each call, so memory answers: the object is the only one to write. */
  isEnabled(now: number): boolean {
    if (this.#enabled === null) {
      const value = this.#value(ENABLED, now)
      this.#enabled = value === undefined ? undefined : value === 'true'
    } else {
      this.#store.stats[this.#enabled === undefined ? 'getsFail' : 'getsSuccess']++
    }
    return this.#enabled === true
  }

  enable(now: number): void {
    if (this.isEnabled(now)) {
      throw new V2AuthError(409, 'already enabled')
    }
    if (this.#findUser('root', now) === undefined) {
      throw new V2AuthError(409, 'No root user available, please create one')
    }
    if (this.#findRole('guest', now) === undefined) {
      this.createRole(firstGuestRole, now)
    }
    this.#setEnabled(true, now)
  }

  disable(now: number): void {
    if (!this.isEnabled(now)) {
      throw new V2AuthError(409, 'already disabled')
    }
    this.#setEnabled(false, now)
  }

  userNames(now: number): readonly string[] {
    return this.#names('users', now)
  }

  /** With that of root, which is nowhere stored. */
  roleNames(now: number): readonly string[] {
    return ['root', ...this.#names('roles', now)].toSorted()
  }

  user(name: string, now: number): V2User {
    const user = this.#findUser(name, now)
    if (user === undefined) {
      throw new V2AuthError(404, `User ${name} does not exist.`)
    }
    return user
  }

  role(name: string, now: number): V2Role {
    const role = this.#findRole(name, now)
    if (role === undefined) {
      throw new V2AuthError(404, `Role ${name} does not exist.`)
    }
    return role
  }

  /** `hash` is that of the password told. Answers whether the user is new, where etcd says so. */
  putUser(change: V2UserChange, hash: string, now: number): { user: V2User; isNew: boolean } {
    const { user: name, roles, grant, revoke } = change
    if (grant.length > 0 || revoke.length > 0) {
      if (roles !== undefined && roles.length > 0) {
        throw new V2AuthError(400, 'User JSON contains both roles and grant/revoke', '')
      }
      return { user: this.#updateUser(change, hash, now), isNew: false }
    }
    if (roles !== undefined && roles.length > 0) {
      return { user: this.#createUser(change, hash, now), isNew: false }
    }
    return this.#findUser(name, now) === undefined
      ? { user: this.#createUser(change, hash, now), isNew: true }
      : { user: this.#updateUser(change, hash, now), isNew: false }
  }

  deleteUser(name: string, now: number): void {
    if (this.isEnabled(now) && name === 'root') {
      throw new V2AuthError(403, 'Cannot delete root user while auth is enabled.')
    }
    this.#delete(`users/${name}`, now, `User ${name} does not exist`)
  }

  /** Answers whether the role is new. */
  putRole(change: V2RoleChange, now: number): { role: V2Role; isNew: boolean } {
    if (isEmpty(change.grant) && isEmpty(change.revoke)) {
      this.createRole(change, now)
      return { role: change, isNew: true }
    }
    if (!isEmpty(change.permissions)) {
      throw new V2AuthError(400, 'Role JSON contains both permissions and grant/revoke', '')
    }
    return { role: this.#updateRole(change, now), isNew: false }
  }

  createRole(role: V2Role, now: number): void {
    requireNotRoot(role.role)
    try {
      this.#create(`roles/${role.role}`, roleJson(role), now)
    } catch (error) {
      throw isCode(error, 105) ? new V2AuthError(409, `Role ${role.role} already exists.`) : error
    }
  }

  deleteRole(name: string, now: number): void {
    requireNotRoot(name)
    this.#delete(`roles/${name}`, now, `Role ${name} doesn't exist.`)
  }

  #createUser({ user: name, password, roles }: V2UserChange, hash: string, now: number): V2User {
    if (password === '') {
      throw new V2AuthError(400, `Cannot create user ${name} with an empty password`)
    }
    const told = { user: name, password: hash, roles }
    const user = name === 'root' ? withRootRole(told) : told
    try {
      this.#create(`users/${name}`, userJson(user), now)
    } catch (error) {
      throw isCode(error, 105) ? new V2AuthError(409, `User ${name} already exists.`) : error
    }
    return user
  }

  #updateUser(change: V2UserChange, hash: string, now: number): V2User {
    const old = this.user(change.user, now)
    const user = {
      user: old.user,
      password: change.password === '' ? old.password : hash,
      roles: rolesWith(old, change),
    }
    if (userJson(user) === userJson(old)) {
      const what = 'User not updated. Use grant/revoke/password to update the user.'
      throw new V2AuthError(400, what)
    }
    this.#update(`users/${change.user}`, userJson(user), now)
    return user
  }

  #updateRole(change: V2RoleChange, now: number): V2Role {
    requireNotRoot(change.role)
    const old = this.role(change.role, now)
    const permissions = revoked(granted(old.permissions, change.grant), change.revoke)
    const role = { ...rootRole, role: old.role, permissions }
    if (roleJson(role) === roleJson(old)) {
      throw new V2AuthError(400, 'Role not updated. Use grant/revoke to update the role.')
    }
    this.#update(`roles/${change.role}`, roleJson(role), now)
    return role
  }

  #findUser(name: string, now: number): V2User | undefined {
    const json = this.#value(`${PREFIX}/users/${name}`, now)
    return json === undefined ? undefined : storedUser(json)
  }

  #findRole(name: string, now: number): V2Role | undefined {
    if (name === 'root') {
      return rootRole
    }
    const json = this.#value(`${PREFIX}/roles/${name}`, now)
    return json === undefined ? undefined : storedRole(json)
  }

  #value(path: string, now: number): string | undefined {
    try {
      return this.#store.get(path, false, now).node.value
    } catch (error) {
      if (isCode(error, 100)) {
        return undefined
      }
      throw error
    }
  }

  #names(kind: 'users' | 'roles', now: number): readonly string[] {
    try {
      const { nodes } = this.#store.get(`${PREFIX}/${kind}`, false, now).node
      return nodes.map(({ path }) => nameOf(path)).toSorted()
    } catch (error) {
      if (isCode(error, 100)) {
        return []
      }
      throw error
    }
  }

  #setEnabled(enabled: boolean, now: number): void {
    this.#update('enabled', String(enabled), now)
    this.#enabled = enabled
  }

  #create(name: string, json: string, now: number): void {
    this.#prepare(now)
    this.#store.create(`${PREFIX}/${name}`, contentOf(json), false, now)
  }

  #update(name: string, json: string, now: number): void {
    this.#prepare(now)
    this.#store.update(`${PREFIX}/${name}`, contentOf(json), now)
  }

  #delete(name: string, now: number, missing: string): void {
    this.#prepare(now)
    try {
      this.#store.delete(`${PREFIX}/${name}`, false, false, now)
    } catch (error) {
      throw isCode(error, 100) ? new V2AuthError(404, missing) : error
    }
  }

  /** Makes the directories, and the node that says that nobody is looked at. */
  #prepare(now: number): void {
    if (this.#isPrepared) {
      return
    }
    for (const path of [PREFIX, `${PREFIX}/users`, `${PREFIX}/roles`, ENABLED]) {
      try {
        const content = contentOf(path === ENABLED ? 'false' : undefined)
        this.#store.create(path, content, false, now)
      } catch (error) {
        if (!isCode(error, 105)) {
          throw error
        }
      }
    }
    this.#isPrepared = true
    if (this.#enabled === undefined) {
      this.#enabled = false
    }
  }
}

function contentOf(json: string | undefined): V2Content {
  return { dir: json === undefined, value: json ?? '', expires: undefined, refresh: false }
}

function rolesWith(old: V2User, { user, grant, revoke }: V2UserChange): readonly string[] {
  const roles = new Set(old.roles)
  for (const role of grant) {
    if (roles.has(role)) {
      throw new V2AuthError(409, `Granting duplicate role ${role} for user ${user}`)
    }
    roles.add(role)
  }
  for (const role of revoke) {
    if (!roles.delete(role)) {
      throw new V2AuthError(409, `Revoking ungranted role ${role} for user ${user}`)
    }
  }
  return [...roles].toSorted()
}

function requireNotRoot(name: string): void {
  if (name === 'root') {
    throw new V2AuthError(403, `Cannot modify role ${name}: is root role.`)
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof V2Error && error.code === code
}
