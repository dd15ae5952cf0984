import { type PermissionChange, RangePermissions } from './range-permissions.ts'
import type { Roles } from './roles.ts'
import type { User, Users } from './users.ts'

/** What the permissions of all users may take of the 128 MB that an object has. */
export const PERMISSION_BYTES_MAX = 32 * 1024 * 1024
/** A change of more than that, and of a good part of the whole, is not followed: it is made anew. */
const FOLLOWED_MAX = 64

/**
 * What memory knows of users. It follows each change: with a thousand roles of a hundred ranges, to
 * read a user's permissions anew takes a fifth of a second, to add or remove one some microseconds.
 */
export class UserCache {
  readonly #stored: Users
  readonly #roles: Roles
  /** Among them all whose permissions are known. */
  readonly #users = new Map<string, User>()
  readonly #permissions = new Map<string, RangePermissions>()

  constructor(stored: Users, roles: Roles) {
    this.#stored = stored
    this.#roles = roles
  }

  forget(): void {
    this.#users.clear()
    this.#permissions.clear()
  }

  user(name: string): User | undefined {
    let user = this.#users.get(name)
    if (user === undefined) {
      user = this.#stored.get(name)
      if (user !== undefined) {
        this.#users.set(name, user)
      }
    }
    return user
  }

  /** Undefined for a user that is not. */
  permissions(name: string): RangePermissions | undefined {
    let permissions = this.#permissions.get(name)
    if (permissions === undefined && this.user(name) !== undefined) {
      permissions = new RangePermissions(this.#roles.permissionsOfUser(name))
      this.#permissions.set(name, permissions)
      this.#makeRoom(name)
    }
    return permissions
  }

  /** Somebody is another one, or gone. */
  userChanged(name: string): void {
    this.#users.delete(name)
    this.#permissions.delete(name)
  }

  /** Somebody has a role more or less, and with it these permissions. */
  userRolesChanged(name: string, change: PermissionChange): void {
    this.#users.delete(name)
    this.#follow(name, change)
    if (this.#permissions.has(name)) {
      this.user(name)
    }
  }

  roleChanged(role: string, change: PermissionChange): void {
    for (const name of this.#permissions.keys()) {
      if (this.user(name)?.roles.includes(role) === true) {
        this.#follow(name, change)
      }
    }
  }

  roleDeleted(role: string, change: PermissionChange): void {
    for (const [name, { roles }] of this.#users) {
      if (roles.includes(role)) {
        this.userRolesChanged(name, change)
      }
    }
  }

  #follow(name: string, change: PermissionChange): void {
    const permissions = this.#permissions.get(name)
    const changes = change.added.length + change.removed.length
    if (
      permissions !== undefined &&
      changes > FOLLOWED_MAX &&
      changes * 4 > permissions.boundaries
    ) {
      this.#permissions.delete(name)
    } else {
      permissions?.change(change)
    }
  }

  /** Those who were asked for first go first. */
  #makeRoom(newest: string): void {
    let bytes = 0
    for (const permissions of this.#permissions.values()) {
      bytes += permissions.bytes
    }
    for (const [name, permissions] of this.#permissions) {
      if (bytes <= PERMISSION_BYTES_MAX || name === newest) {
        return
      }
      this.#permissions.delete(name)
      bytes -= permissions.bytes
    }
  }
}
