import type { Permission } from '../protocol/generated/messages.ts'
import { type TextRange, textRange } from './key-text.ts'
import { RangeCover } from './range-cover.ts'

export const PermissionType = { READ: 0, WRITE: 1, READWRITE: 2 } as const

/** Permissions that have come to somebody's and that have gone. */
export interface PermissionChange {
  readonly added: readonly Permission[]
  readonly removed: readonly Permission[]
}

export interface TextPermission extends TextRange {
  readonly permType: number
}

/** What one user may read and write (etcd's range_perm_cache.go), all roles together. */
export class RangePermissions {
  readonly read: RangeCover
  readonly write: RangeCover

  constructor(permissions: readonly TextPermission[]) {
    this.read = new RangeCover(permissions.filter(isRead))
    this.write = new RangeCover(permissions.filter(isWrite))
  }

  get boundaries(): number {
    return this.read.boundaries + this.write.boundaries
  }

  get bytes(): number {
    return this.read.bytes + this.write.bytes
  }

  change({ added, removed }: PermissionChange): void {
    for (const permission of added) {
      this.#coversOf(permission).forEach((cover) => cover.add(textRange(permission)))
    }
    for (const permission of removed) {
      this.#coversOf(permission).forEach((cover) => cover.remove(textRange(permission)))
    }
  }

  #coversOf(permission: Pick<Permission, 'permType'>): readonly RangeCover[] {
    return [
      ...(isRead(permission) ? [this.read] : []),
      ...(isWrite(permission) ? [this.write] : []),
    ]
  }
}

function isRead({ permType }: Pick<Permission, 'permType'>): boolean {
  return permType === PermissionType.READ || permType === PermissionType.READWRITE
}

function isWrite({ permType }: Pick<Permission, 'permType'>): boolean {
  return permType === PermissionType.WRITE || permType === PermissionType.READWRITE
}
