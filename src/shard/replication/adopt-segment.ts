import { ArchiveDamage } from '../../archive/archive-damage.ts'
import { decodeObject } from '../../archive/container.ts'
import { segmentKey } from '../../archive/names.ts'
import { decodeSegment } from '../../archive/segment.ts'
import type { ArchivedRows } from '../../archive/v2-rows.ts'
import type { Store } from '../../mvcc/store.ts'
import { ObjectStoreError } from '../../object-store/object-store.ts'
import type { Clock } from './clock.ts'
import { indexIn } from './marks.ts'
import type { Position, SentSegment } from './position.ts'
import { readChanges } from './read-changes.ts'
import type { Target } from './send-full.ts'

interface Own {
  readonly segment: SentSegment
  /** That of the v2 store behind it. */
  readonly index: number
}

/**
 * What stands where the next segment was to be, if it is this keyspace's own: sent by a try whose answer was
 * lost, or before the object lost its memory. That its changes are those of the log says so, and its rows of the v2 store,
 * which are known to a try of the same memory only. Undefined where another shard may have written it.
 */
export async function ownSegmentAt(
  { objects, archive }: Target,
  position: Position,
  {
    store,
    clock,
    v2,
  }: {
    readonly store: Store
    readonly clock: Clock
    /** What was to be sent. */
    readonly v2: ArchivedRows | undefined
  },
): Promise<Own | undefined> {
  const { epoch, seq, revision, checksum: previous, marks } = position
  const from = revision + 1
  const key = segmentKey(archive, { epoch, seq: seq + 1, from })
  const found = await objects.get(key)
  if (found === undefined) {
    throw new ObjectStoreError(`${key} is said to be there, and is not`, { retryable: true })
  }
  try {
    const { header, checksum, state } = decodeSegment(found.bytes)
    const isNext = header.seq === seq + 1 && header.from === from && header.previous === previous
    if (!isNext || header.to > store.revision || !beginsWith(v2, state.v2)) {
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
      lengthOf(ours.pieces) === theirs.length &&
      isPrefix(theirs, ours.pieces)
    const index = indexIn(marks)
    const { to, time } = header
    const bytes = found.bytes.length
    return isOwn
      ? {
          segment: { seq: seq + 1, from, to, bytes, time, checksum, previous, v2: index },
          index: state.v2?.to ?? index,
        }
      : undefined
  } catch (error) {
    if (error instanceof ArchiveDamage) {
      return undefined
    }
    throw error
  }
}

/** Whether a try that was made earlier has sent `theirs` of what is now `ours`. */
function beginsWith(ours: ArchivedRows | undefined, theirs: ArchivedRows | undefined): boolean {
  return (
    theirs === undefined ||
    (ours?.from === theirs.from &&
      theirs.rows.pieces.every((piece) => isPrefix(piece, ours.rows.pieces)))
  )
}

function isPrefix(bytes: Uint8Array, pieces: readonly Uint8Array[]): boolean {
  let at = 0
  for (const piece of pieces) {
    const rest = bytes.subarray(at, at + piece.length)
    if (!rest.every((byte, place) => byte === piece[place])) {
      return false
    }
    at += rest.length
  }
  return at === bytes.length
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
