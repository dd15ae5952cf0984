import { encode } from '../src/protocol/binary.ts'
import { KeyValue } from '../src/protocol/generated/messages.ts'
import { bytes, text } from './model-rules.ts'
import type { Change, Model } from './model.ts'

/**
 * The hash of a revision by etcd's rules (server/storage/mvcc/hash.go), made of all changes there
 * ever were: `compactRevision` is the one that the hash speaks of, and `compacting` says that it is
 * the hash which a compaction at `revision` remembers.
 */
export function modelHash(
  model: Model,
  revision: number,
  compactRevision: number,
  compacting: boolean,
): number {
  const kept = keep(model, revision, compacting)
  // When nothing is kept, etcd hashes what the last compaction has left.
  const standing = kept.size > 0 ? kept : keep(model, compactRevision, false)
  let crc = crc32c(bytes('key'), 0)
  for (const change of model.changes) {
    const { sub, modRevision, version } = change
    const isOld = modRevision <= compactRevision
    const isSkipped = isOld && (!standing.has(change) || version === 0)
    if (modRevision <= revision && !isSkipped) {
      crc = crc32c(rowKey(modRevision, sub, version === 0), crc)
      crc = crc32c(encode(KeyValue, version > 0 ? change : tombstone(change)), crc)
    }
  }
  return crc
}

/** The last change of each key up to a revision, if it is not a deletion. */
function keep(model: Model, revision: number, compacting: boolean): Set<Change> {
  const last = new Map<string, Change>()
  for (const change of model.changes) {
    if (change.modRevision <= revision) {
      last.set(text(change.key), change)
    }
  }
  const isKept = ({ version, modRevision }: Change): boolean =>
    version > 0 || (compacting && modRevision === revision)
  return new Set([...last.values()].filter(isKept))
}

function tombstone(change: Change): KeyValue {
  return { ...change, modRevision: 0 }
}

function rowKey(main: number, sub: number, isTombstone: boolean): Uint8Array {
  const key = new DataView(new ArrayBuffer(isTombstone ? 18 : 17))
  key.setBigInt64(0, BigInt(main))
  key.setUint8(8, '_'.charCodeAt(0))
  key.setBigInt64(9, BigInt(sub))
  if (isTombstone) {
    key.setUint8(17, 't'.charCodeAt(0))
  }
  return new Uint8Array(key.buffer)
}

/** Bit by bit, as the polynomial's definition has it. */
export function crc32c(data: Uint8Array, checksum: number): number {
  let crc = ~checksum
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
    }
  }
  return ~crc >>> 0
}
