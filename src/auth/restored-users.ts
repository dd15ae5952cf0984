import { numberOf, type Sql } from '../mvcc/sql.ts'
import type { Role, User } from '../protocol/generated/messages.ts'
import { UPDATE_ENABLED, UPDATE_REVISION } from './auth-store.ts'
import { Roles } from './roles.ts'
import { SimpleTokens } from './simple-token.ts'
import { Users } from './users.ts'

const SELECT_LAST_PASSWORD = 'SELECT max(password_revision) FROM auth_user'

/**
 * Writes users and roles of etcd's into an empty keyspace, as they were. The AuthStore is opened when all
 * of them are there. `random` has to be that of a cryptographer.
 */
export class UserRestore {
  readonly #sql: Sql
  readonly #users: Users
  readonly #roles: Roles
  readonly #tokens: SimpleTokens

  constructor(sql: Sql, random: (length: number) => Uint8Array) {
    this.#sql = sql
    this.#users = new Users(sql)
    this.#roles = new Roles(sql)
    this.#tokens = new SimpleTokens(sql, random, 0)
  }

  /** Those that were restored come again, and whether auth is on. */
  forget(): void {
    this.#users.names().forEach((name) => this.#users.remove(name))
    this.#roles.names().forEach((name) => this.#roles.remove(name))
    this.#sql.run(UPDATE_ENABLED, 0)
    this.#tokens.disable()
  }

  user(name: string, { password, roles, options }: User): void {
    // Adding a user takes an auth revision, so there are no more users than revisions.
    const last = this.#sql.first(SELECT_LAST_PASSWORD)?.[0] ?? null
    const passwordRevision = last === null ? 1 : numberOf(last) + 1
    const noPassword = options?.noPassword === true
    this.#users.add({ name, password, noPassword, passwordRevision })
    for (const role of roles) {
      this.#users.grant(name, role)
    }
  }

  role(name: string, { keyPermission }: Role): void {
    this.#roles.add(name)
    this.#roles.restore(name, keyPermission)
  }

  revision(revision: number): void {
    // etcd takes its first revision when it starts.
    this.#sql.run(UPDATE_REVISION, Math.max(revision, 1))
  }

  /** The key of tokens is a new one: those of etcd's are of its own memory alone. */
  enable(): void {
    this.#sql.run(UPDATE_ENABLED, 1)
    this.#tokens.enable()
  }
}
