import { equalBytes } from '../mvcc/key-range.ts'
import { bytesOf, numberOf, type Sql, type SqlRow, textOf } from '../mvcc/sql.ts'
import type { KeyRange } from '../mvcc/types.ts'
import type { Permission } from '../protocol/generated/messages.ts'
import { textRangeOf } from './key-text.ts'
import type { TextPermission } from './range-permissions.ts'

const SELECT_ROLE = 'SELECT 1 FROM auth_role WHERE name = ?'
const SELECT_ROLE_NAMES = 'SELECT name FROM auth_role ORDER BY name'
const INSERT_ROLE = 'INSERT INTO auth_role (name) VALUES (?)'
const DELETE_ROLE = 'DELETE FROM auth_role WHERE name = ?'
const SELECT_PERMISSIONS =
  'SELECT type, key, range_end FROM auth_permission WHERE role = ? ORDER BY key, place'
/** Texts are had faster than blobs; of a key of a megabyte it would be longer than a text may be. */
const SELECT_USER_PERMISSIONS = `
SELECT p.type,
  CASE WHEN length(p.key) <= 4096 THEN hex(p.key) ELSE p.key END,
  CASE WHEN length(p.range_end) <= 4096 THEN hex(p.range_end) ELSE p.range_end END
FROM auth_user_role AS r JOIN auth_permission AS p ON p.role = r.role WHERE r.user = ?`
const SELECT_PERMISSIONS_OF_KEY =
  'SELECT place, range_end, type FROM auth_permission WHERE role = ? AND key = ? ORDER BY place'
const INSERT_PERMISSION =
  'INSERT INTO auth_permission (role, key, place, range_end, type) VALUES (?, ?, ?, ?, ?)'
const UPDATE_PERMISSION =
  'UPDATE auth_permission SET type = ? WHERE role = ? AND key = ? AND place = ?'
const DELETE_PERMISSION = 'DELETE FROM auth_permission WHERE role = ? AND key = ? AND range_end = ?'
const DELETE_PERMISSIONS = 'DELETE FROM auth_permission WHERE role = ?'

/** The rows of the roles. What may be done to them is the AuthStore's business. */
export class Roles {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  has(name: string): boolean {
    return this.#sql.first(SELECT_ROLE, name) !== undefined
  }

  /** In byte order. */
  names(): readonly string[] {
    return this.#sql.all(SELECT_ROLE_NAMES).map(([name]) => textOf(name))
  }

  add(name: string): void {
    this.#sql.run(INSERT_ROLE, name)
  }

  remove(name: string): void {
    this.#sql.run(DELETE_PERMISSIONS, name)
    this.#sql.run(DELETE_ROLE, name)
  }

  /** By key, then as they were granted. */
  permissions(name: string): readonly Permission[] {
    return this.#sql.all(SELECT_PERMISSIONS, name).map(permissionOf)
  }

  /** Those of all roles of a user, role by role. */
  permissionsOfUser(user: string): readonly TextPermission[] {
    return this.#sql
      .all(SELECT_USER_PERMISSIONS, user)
      .map(([type, key, end]) => ({ permType: numberOf(type), ...textRangeOf(key, end) }))
  }

  /**
   * As in etcd, only the first permission of a key is looked at: where its range ends elsewhere,
   * the new one is put behind it even if another behind it has this very range.
   */
  grant(role: string, permission: Permission): void {
    const { permType, key, rangeEnd } = permission
    const rows = this.#sql.all(SELECT_PERMISSIONS_OF_KEY, role, key)
    if (this.replacedBy(role, permission) !== undefined) {
      this.#sql.run(UPDATE_PERMISSION, permType, role, key, numberOf(rows[0]?.[0]))
    } else {
      const last = rows.at(-1)
      const place = last === undefined ? 0 : numberOf(last[0]) + 1
      this.#sql.run(INSERT_PERMISSION, role, key, place, rangeEnd, permType)
    }
  }

  /** Those of a new role in the order of their granting, where keys are equal. */
  restore(role: string, permissions: readonly Permission[]): void {
    const places = new Map<string, number>()
    for (const { permType, key, rangeEnd } of permissions) {
      const place = places.get(String(key)) ?? 0
      places.set(String(key), place + 1)
      this.#sql.run(INSERT_PERMISSION, role, key, place, rangeEnd, permType)
    }
  }

  /** What a grant of it would replace. */
  replacedBy(role: string, { key, rangeEnd }: Permission): Permission | undefined {
    const [first] = this.#sql.all(SELECT_PERMISSIONS_OF_KEY, role, key)
    return first !== undefined && equalBytes(bytesOf(first[1]), rangeEnd)
      ? { permType: numberOf(first[2]), key, rangeEnd }
      : undefined
  }

  /** The permissions of exactly this range, of which there may be several. */
  granted(role: string, { key, rangeEnd }: KeyRange): readonly Permission[] {
    return this.#sql
      .all(SELECT_PERMISSIONS_OF_KEY, role, key)
      .filter(([, end]) => equalBytes(bytesOf(end), rangeEnd))
      .map(([, , type]) => ({ permType: numberOf(type), key, rangeEnd }))
  }

  revoke(role: string, { key, rangeEnd }: KeyRange): void {
    this.#sql.run(DELETE_PERMISSION, role, key, rangeEnd)
  }
}

function permissionOf([type, key, rangeEnd]: SqlRow): Permission {
  return { permType: numberOf(type), key: bytesOf(key), rangeEnd: bytesOf(rangeEnd) }
}
