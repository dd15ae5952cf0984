import type { ArchiveDamage, DamageKind } from '../archive/archive-damage.ts'

/** An object of an archive cannot be used. The message names it. */
export class BrokenArchive extends Error {
  override readonly name = 'BrokenArchive'
  readonly kind: DamageKind
  readonly key: string

  constructor(key: string, damage: ArchiveDamage) {
    super(`${key} ${damage.message}`, { cause: damage })
    this.kind = damage.kind
    this.key = key
  }
}

/** What was asked of an archive is not in it. The message says what is. */
export class NotKept extends Error {
  override readonly name = 'NotKept'
}
