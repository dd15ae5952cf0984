import { REVISION_MAX, SUB_MAX } from '../mvcc/change-id.ts'
import { type ChangeName, revisionBytesLength } from '../mvcc/revision-bytes.ts'
import { damage } from './node-reader.ts'

const UNDERSCORE = 0x5f
const TOMBSTONE_MARK = 0x74

/** What `writeRevision` has written. Throws FileProblem for what is no name of a change. */
export function changeNameIn(key: Uint8Array): ChangeName {
  const deleted = key.length === revisionBytesLength(true)
  const isName =
    (deleted ? key[17] === TOMBSTONE_MARK : key.length === revisionBytesLength(false)) &&
    key[8] === UNDERSCORE
  if (!isName) {
    throw damage('a key of the bucket "key" is no revision')
  }
  const main = bigEndian(key, 0)
  const sub = bigEndian(key, 9)
  if (main > REVISION_MAX || sub > SUB_MAX) {
    throw damage(`its revision ${main}, change ${sub}, is beyond what there can be`)
  }
  return { main, sub, deleted }
}

/** 8 bytes. One beyond 2^53 is not exact. */
export function bigEndian(bytes: Uint8Array, at: number): number {
  return bytes.subarray(at, at + 8).reduce((value, byte) => value * 256 + byte, 0)
}
