/** What can be wrong with an archive, of which each is told by name. */
export type DamageKind =
  /** An object has fewer bytes than it says. */
  | 'cut'
  /** Its bytes are others than those that were written. */
  | 'checksum'
  /** It is no object of an archive, or another one than its name says. */
  | 'foreign'
  /** A later version has written it. */
  | 'format'
  /** Its bytes are whole, and make no sense. */
  | 'content'
  /** A segment does not follow from the one before. */
  | 'chain'
  /** Revisions are missing between two objects. */
  | 'gap'
  /** An object that another one names is not there. */
  | 'missing'

/** An archive that cannot be used. The message is the rest of a sentence that begins with the object's key. */
export class ArchiveDamage extends Error {
  override readonly name = 'ArchiveDamage'
  readonly kind: DamageKind

  constructor(kind: DamageKind, message: string) {
    super(message)
    this.kind = kind
  }
}
