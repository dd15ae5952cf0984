import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Permissions, V2RoleChange } from '../protocol/v2-service-call.ts'

/** A user as the store keeps it (v2auth.User). Roles that were never told are undefined, which etcd tells from none. */
export interface V2User {
  readonly user: string
  /** A bcrypt hash. */
  readonly password: string
  readonly roles: readonly string[] | undefined
}

/** A role as the store keeps it. With an empty grant that it was made with, as etcd does. */
export type V2Role = V2RoleChange

const everything: V2Permissions = { read: ['/*'], write: ['/*'] }

/** It is never stored, and may do all. */
export const rootRole: V2Role = {
  role: 'root',
  permissions: everything,
  grant: undefined,
  revoke: undefined,
}

/** What nobody may do once users are looked at, unless somebody has made another one. */
export const firstGuestRole: V2Role = { ...rootRole, role: 'guest' }

/** With an empty password that is left out, as clients are told it. */
export function userJson({ user, password, roles }: V2User): string {
  const secret = password === '' ? '' : `"password":${goJsonText(password)},`
  return `{"user":${goJsonText(user)},${secret}"roles":${listJson(roles)}}`
}

export function roleJson({ role, permissions, grant, revoke }: V2Role): string {
  const granted = grant === undefined ? '' : `,"grant":${permissionsJson(grant)}`
  const revoked = revoke === undefined ? '' : `,"revoke":${permissionsJson(revoke)}`
  return `{"role":${goJsonText(role)},"permissions":${permissionsJson(permissions)}${granted}${revoked}}`
}

function permissionsJson({ read, write }: V2Permissions): string {
  return `{"kv":{"read":${listJson(read)},"write":${listJson(write)}}}`
}

function listJson(list: readonly string[] | undefined): string {
  return list === undefined ? 'null' : `[${list.map(goJsonText).join(',')}]`
}

interface StoredPermissions {
  readonly kv: { readonly read: string[] | null; readonly write: string[] | null }
}

interface StoredRole {
  readonly role: string
  readonly permissions: StoredPermissions
  readonly grant?: StoredPermissions
  readonly revoke?: StoredPermissions
}

export function storedUser(json: string): V2User {
  const {
    user,
    password = '',
    roles,
  } = JSON.parse(json) as {
    readonly user: string
    readonly password?: string
    readonly roles: string[] | null
  }
  const kept = { user, password, roles: roles ?? undefined }
  // The user root always has the role of that name.
  return user === 'root' ? withRootRole(kept) : kept
}

export function withRootRole(user: V2User): V2User {
  const roles = user.roles ?? []
  return roles.includes('root') ? user : { ...user, roles: [...roles, 'root'] }
}

export function storedRole(json: string): V2Role {
  const { role, permissions, grant, revoke } = JSON.parse(json) as StoredRole
  return {
    role,
    permissions: permissionsOf(permissions),
    grant: grant && permissionsOf(grant),
    revoke: revoke && permissionsOf(revoke),
  }
}

function permissionsOf({ kv }: StoredPermissions): V2Permissions {
  return { read: kv.read ?? undefined, write: kv.write ?? undefined }
}

export function isEmpty(permissions: V2Permissions | undefined): boolean {
  return (permissions?.read ?? []).length === 0 && (permissions?.write ?? []).length === 0
}
