import type { V2Permissions, V2RoleChange, V2UserChange } from '../protocol/v2-service-call.ts'
import { fieldsOf, GoJsonError, parseFirst, textsOf } from './v2-go-json.ts'

type Fields = ReadonlyMap<string, unknown>

/** The first value of the text as a user (v2auth.User). Throws a GoJsonError. */
export function userChangeOf(bytes: Uint8Array): V2UserChange {
  const fields = fieldsIn(parseFirst(bytes), ['user', 'password', 'roles', 'grant', 'revoke'])
  return {
    user: textIn(fields, 'user'),
    password: textIn(fields, 'password'),
    roles: textsIn(fields, 'roles'),
    grant: textsIn(fields, 'grant') ?? [],
    revoke: textsIn(fields, 'revoke') ?? [],
  }
}

/** The first value of the text as a role (v2auth.Role). Throws a GoJsonError. */
export function roleChangeOf(bytes: Uint8Array): V2RoleChange {
  const fields = fieldsIn(parseFirst(bytes), ['role', 'permissions', 'grant', 'revoke'])
  return {
    role: textIn(fields, 'role'),
    permissions: permissionsIn(fields.get('permissions')),
    grant: fields.has('grant') ? permissionsIn(fields.get('grant')) : undefined,
    revoke: fields.has('revoke') ? permissionsIn(fields.get('revoke')) : undefined,
  }
}

function permissionsIn(value: unknown = {}): V2Permissions {
  const fields = fieldsIn(fieldsIn(value, ['kv']).get('kv') ?? {}, ['read', 'write'])
  return { read: textsIn(fields, 'read'), write: textsIn(fields, 'write') }
}

/** Go takes null for an object without fields. */
function fieldsIn(value: unknown, names: readonly string[]): Fields {
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GoJsonError('this is no object')
  }
  return fieldsOf(value ?? {}, names)
}

function textIn(fields: Fields, name: string): string {
  const value = fields.get(name) ?? ''
  if (typeof value !== 'string') {
    throw new GoJsonError(`${name} is no text`)
  }
  return value
}

function textsIn(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields.get(name)
  const texts = textsOf(value)
  if (value !== undefined && texts === undefined) {
    throw new GoJsonError(`${name} is no list of texts`)
  }
  return texts
}
