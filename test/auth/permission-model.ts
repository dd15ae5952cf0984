import { compareBytes, equalBytes } from '../../src/mvcc/key-range.ts'
import type { KeyRange } from '../../src/mvcc/types.ts'
import type { Permission } from '../../src/protocol/generated/messages.ts'

export type Kind = 'read' | 'write'

/** Users, roles and permissions as lists, and a check that looks at every one of them. */
export class PermissionModel {
  readonly #roles = new Map<string, Permission[]>()
  readonly #users = new Map<string, Set<string>>()

  addRole(role: string): void {
    this.#roles.set(role, this.#roles.get(role) ?? [])
  }

  deleteRole(role: string): void {
    this.#roles.delete(role)
    this.#users.forEach((roles) => roles.delete(role))
  }

  grantRole(user: string, role: string): void {
    this.#users.set(user, (this.#users.get(user) ?? new Set()).add(role))
  }

  revokeRole(user: string, role: string): void {
    this.#users.get(user)?.delete(role)
  }

  /** Replaces the type where the first permission of the key is of this range, else adds. */
  grant(role: string, permission: Permission): void {
    const permissions = this.#roles.get(role) ?? []
    const first = permissions.findIndex(({ key }) => equalBytes(key, permission.key))
    if (first >= 0 && isSame(permissions[first], permission)) {
      permissions[first] = permission
    } else {
      permissions.push(permission)
    }
  }

  revoke(role: string, range: KeyRange): void {
    const kept = (this.#roles.get(role) ?? []).filter((permission) => !isSame(permission, range))
    this.#roles.set(role, kept)
  }

  /**
   * What is not permitted of a range begins with the range or where a permission ends. So a range
   * is permitted when all these places are, as far as they are in it.
   */
  permits(user: string, kind: Kind, range: KeyRange): boolean {
    const mine = [...(this.#users.get(user) ?? [])]
      .flatMap((role) => this.#roles.get(role) ?? [])
      .filter(({ permType }) => permType === 2 || permType === (kind === 'read' ? 0 : 1))
    const places = mine.flatMap((permission) => endOf(permission) ?? [])
    return [range.key, ...places.filter((place) => isIn(place, range))].every((place) =>
      mine.some((permission) => isIn(place, permission)),
    )
  }
}

function isSame(a: KeyRange | undefined, b: KeyRange): boolean {
  return a !== undefined && equalBytes(a.key, b.key) && equalBytes(a.rangeEnd, b.rangeEnd)
}

function isIn(key: Uint8Array, range: KeyRange): boolean {
  const end = endOf(range)
  return compareBytes(range.key, key) <= 0 && (end === undefined || compareBytes(key, end) < 0)
}

function endOf({ key, rangeEnd }: KeyRange): Uint8Array | undefined {
  if (rangeEnd.length === 0) {
    return Uint8Array.of(...key, 0)
  }
  return rangeEnd.length === 1 && rangeEnd[0] === 0 ? undefined : rangeEnd
}
