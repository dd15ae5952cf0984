import type { Revision } from './types.ts'

const REVISION_BYTES = 17
const UNDERSCORE = 0x5f
const TOMBSTONE_MARK = 0x74

/** The length of what `writeRevision` writes. */
export function revisionBytesLength(deleted: boolean): number {
  return REVISION_BYTES + (deleted ? 1 : 0)
}

/** A change by its number; a tombstone is marked as one. */
export interface ChangeName {
  readonly main: Revision
  readonly sub: number
  readonly deleted: boolean
}

/**
 * Writes a change as etcd's `key` bucket names it: 8 bytes of the main revision, an underscore, 8 bytes
 * of the sub revision, all big-endian, and a `t` behind those of a tombstone. What it passes over has
 * to be zero.
 */
export function writeRevision(
  { main, sub, deleted }: ChangeName,
  bytes: Uint8Array,
  offset: number,
): void {
  writeUint32(Math.floor(main / 2 ** 32), bytes, offset)
  writeUint32(main, bytes, offset + 4)
  bytes[offset + 8] = UNDERSCORE
  writeUint32(sub, bytes, offset + 13)
  if (deleted) {
    bytes[offset + REVISION_BYTES] = TOMBSTONE_MARK
  }
}

export function revisionBytes(change: ChangeName): Uint8Array {
  const bytes = new Uint8Array(revisionBytesLength(change.deleted))
  writeRevision(change, bytes, 0)
  return bytes
}

/** Of a number above 2^32, the lower half. */
function writeUint32(value: number, bytes: Uint8Array, offset: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
