import { bytesOf, numberOf, type Sql, type SqlRow, textOf } from '../mvcc/sql.ts'

/** `roles` is in byte order; a user without password can prove who it is by certificate only. */
export interface User {
  readonly name: string
  /** The text of a bcrypt hash, or no bytes. */
  readonly password: Uint8Array
  readonly noPassword: boolean
  /** The auth revision that set the password: no two users ever share one. */
  readonly passwordRevision: number
  readonly roles: readonly string[]
  /** Whether the role `root` is among them, which may do everything. */
  readonly root: boolean
}

export const ROOT = 'root'

const SELECT_USER = 'SELECT password, no_password, password_revision FROM auth_user WHERE name = ?'
const SELECT_USERS =
  'SELECT password, no_password, password_revision, name FROM auth_user ORDER BY name'
const SELECT_USER_NAMES = 'SELECT name FROM auth_user ORDER BY name'
const SELECT_NAME_BY_PASSWORD_REVISION = 'SELECT name FROM auth_user WHERE password_revision = ?'
const INSERT_USER =
  'INSERT INTO auth_user (name, password, no_password, password_revision) VALUES (?, ?, ?, ?)'
const UPDATE_PASSWORD = 'UPDATE auth_user SET password = ?, password_revision = ? WHERE name = ?'
const DELETE_USER = 'DELETE FROM auth_user WHERE name = ?'
const SELECT_USER_ROLES = 'SELECT role FROM auth_user_role WHERE user = ? ORDER BY role'
const SELECT_ALL_USER_ROLES = 'SELECT user, role FROM auth_user_role ORDER BY user, role'
const INSERT_USER_ROLE = 'INSERT INTO auth_user_role (user, role) VALUES (?, ?)'
const DELETE_USER_ROLE = 'DELETE FROM auth_user_role WHERE user = ? AND role = ?'
const DELETE_USER_ROLES = 'DELETE FROM auth_user_role WHERE user = ?'
const DELETE_ROLE_FROM_USERS = 'DELETE FROM auth_user_role WHERE role = ?'

/** The rows of the users. What may be done to them is the AuthStore's business. */
export class Users {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get(name: string): User | undefined {
    const row = this.#sql.first(SELECT_USER, name)
    if (row === undefined) {
      return undefined
    }
    const roles = this.#sql.all(SELECT_USER_ROLES, name).map(([role]) => textOf(role))
    return userOf(name, row, roles)
  }

  /** In byte order. */
  all(): readonly User[] {
    const roles = Map.groupBy(this.#sql.all(SELECT_ALL_USER_ROLES), ([user]) => textOf(user))
    return this.#sql.all(SELECT_USERS).map((row) => {
      const name = textOf(row[3])
      const its = roles.get(name) ?? []
      return userOf(
        name,
        row,
        its.map(([, role]) => textOf(role)),
      )
    })
  }

  /** In byte order. */
  names(): readonly string[] {
    return this.#sql.all(SELECT_USER_NAMES).map(([name]) => textOf(name))
  }

  nameOf(passwordRevision: number): string | undefined {
    const row = this.#sql.first(SELECT_NAME_BY_PASSWORD_REVISION, passwordRevision)
    return row && textOf(row[0])
  }

  add({ name, password, noPassword, passwordRevision }: Omit<User, 'roles' | 'root'>): void {
    this.#sql.run(INSERT_USER, name, password, noPassword ? 1 : 0, passwordRevision)
  }

  setPassword(name: string, password: Uint8Array, passwordRevision: number): void {
    this.#sql.run(UPDATE_PASSWORD, password, passwordRevision, name)
  }

  remove(name: string): void {
    this.#sql.run(DELETE_USER_ROLES, name)
    this.#sql.run(DELETE_USER, name)
  }

  grant(name: string, role: string): void {
    this.#sql.run(INSERT_USER_ROLE, name, role)
  }

  revoke(name: string, role: string): void {
    this.#sql.run(DELETE_USER_ROLE, name, role)
  }

  revokeFromAll(role: string): void {
    this.#sql.run(DELETE_ROLE_FROM_USERS, role)
  }
}

/** The row is `password`, `no_password`, `password_revision`. */
function userOf(name: string, row: SqlRow, roles: readonly string[]): User {
  return {
    name,
    password: bytesOf(row[0]),
    noPassword: numberOf(row[1]) === 1,
    passwordRevision: numberOf(row[2]),
    roles,
    root: roles.includes(ROOT),
  }
}
