import { ArchiveDamage } from '../../archive/archive-damage.ts'
import { decodeObject } from '../../archive/container.ts'
import { segmentKey } from '../../archive/names.ts'
import { decodeSegment } from '../../archive/segment.ts'
import type { Store } from '../../mvcc/store.ts'
import { ObjectStoreError } from '../../object-store/object-store.ts'
import type { Clock } from './clock.ts'
import type { Position, SentSegment } from './position.ts'
import { readChanges } from './read-changes.ts'
import type { Target } from './send-full.ts'

/**
 * What stands where the next segment was to be, if it is this keyspace's own: sent by a try whose answer was
 * lost, or before the object lost its memory. That its changes are those of the log says so. Undefined where
 * another shard has written it.
 */
export async function ownSegmentAt(
  { objects, archive }: Target,
  position: Position,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): Promise<SentSegment | undefined> {
  const { epoch, seq, revision, checksum: previous } = position
  const from = revision + 1
  const key = segmentKey(archive, { epoch, seq: seq + 1, from })
  const found = await objects.get(key)
  if (found === undefined) {
    throw new ObjectStoreError(`${key} is said to be there, and is not`, { retryable: true })
  }
  try {
    const { header, checksum } = decodeSegment(found.bytes)
    const isNext = header.seq === seq + 1 && header.from === from && header.previous === previous
    if (!isNext || header.to > store.revision) {
      return undefined
    }
    const wanted = { from, to: header.to, bytesMax: Infinity }
    const own = await readChanges(store, wanted, () => clock.turn())
    const theirs = decodeObject('segment', found.bytes).sections.get('changes')
    const ours = own?.writer.end()
    const isOwn =
      own?.to === header.to &&
      ours !== undefined &&
      theirs !== undefined &&
      isSame(ours.pieces, theirs)
    return isOwn
      ? {
          seq: header.seq,
          from,
          to: header.to,
          bytes: found.bytes.length,
          time: header.time,
          checksum,
          previous,
        }
      : undefined
  } catch (error) {
    if (error instanceof ArchiveDamage) {
      return undefined
    }
    throw error
  }
}

function isSame(pieces: readonly Uint8Array[], bytes: Uint8Array): boolean {
  let at = 0
  for (const piece of pieces) {
    const end = at + piece.length
    if (end > bytes.length || !piece.every((byte, place) => byte === bytes[at + place])) {
      return false
    }
    at = end
  }
  return at === bytes.length
}
