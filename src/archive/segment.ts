import * as z from 'zod'
import type { Change } from '../mvcc/history.ts'
import { ArchiveDamage } from './archive-damage.ts'
import { type ChangesWriter, namedChangesIn } from './changes.ts'
import { decodeObject, encodeObject, type ObjectBuffer, parsed } from './container.ts'
import type { SegmentName } from './names.ts'
import { compaction, mark, origin } from './origin.ts'
import { type ArchivedState, encodeState, stateIn } from './state.ts'

const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)

const header = z.object({
  ...origin.shape,
  seq: z.int().min(1),
  /** Its first revision and its last: `from` − 1 where nothing but state has changed. */
  from: z.int().min(1),
  to: z.int().min(0),
  /** Of the segment before; null of the first one of an epoch. */
  previous: uint32.nullable(),
  /** When it ended, in ms since 1970. */
  time: z.int(),
  /** In the order of time, and of revisions; at most one a second is worth it. */
  marks: z.array(mark),
  /** As it is at the end. */
  compaction,
  /** How many there are. */
  changes: z.int().min(0),
})

export type SegmentHeader = z.output<typeof header>

export interface Segment {
  readonly header: SegmentHeader
  /** Stands for the whole object, also in the next one's `previous`. */
  readonly checksum: number
  /** That of the writer's section: the same changes have the same. */
  readonly changesChecksum: number
  /** Those of `from` to `to`, in their order; decoded anew each time. Iterating throws ArchiveDamage. */
  readonly changes: Iterable<Change<Uint8Array>>
  readonly state: ArchivedState
  /** So long is the whole object. */
  readonly bytes: number
}

/** The writer has the changes of `from` to `to`, and is of no more use. It may have written to the buffer. */
export function encodeSegment(
  fields: Omit<SegmentHeader, 'changes'>,
  changes: ChangesWriter,
  state: ArchivedState,
  buffer?: ObjectBuffer,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly checksum: number } {
  const sections = [changes.end(), ...encodeState(state)]
  const encoded = encodeObject('segment', { ...fields, changes: changes.count }, sections, buffer)
  changes.free()
  return encoded
}

/** Throws ArchiveDamage. */
export function decodeSegment(bytes: Uint8Array): Segment {
  const object = decodeObject('segment', bytes)
  const fields = parsed(header, object.header)
  const section = object.sections.get('changes') ?? NO_BYTES
  return {
    header: fields,
    checksum: object.checksum,
    changesChecksum: object.checksumOf('changes'),
    changes: { [Symbol.iterator]: () => namedChangesIn(section, fields, fields.changes) },
    state: stateIn(object.sections),
    bytes: bytes.length,
  }
}

const NO_BYTES = new Uint8Array(0)

/**
 * What is to come behind a segment, or behind a full. The first of an epoch has null for `previous`, and
 * undefined is not known.
 */
export interface Expected extends SegmentName {
  readonly previous: number | null | undefined
}

/** Throws ArchiveDamage where the segment is not the one that is to come. */
export function requireNext({ header: found }: Segment, expected: Expected): void {
  const { epoch, seq, from } = expected
  if (found.epoch !== epoch || found.seq !== seq) {
    throw new ArchiveDamage('foreign', `is segment ${found.seq} of epoch ${found.epoch}`)
  }
  if (found.from !== from) {
    throw new ArchiveDamage('gap', `begins with revision ${found.from}, and ${from} is to come`)
  }
  if (found.to < found.from - 1) {
    throw new ArchiveDamage('content', 'makes no sense: it ends before it begins')
  }
  if (followsAnother({ header: found }, expected)) {
    throw new ArchiveDamage('chain', 'does not follow from the segment before')
  }
}

/** Whether it was sent behind a segment that is not the one that it was found behind. */
export function followsAnother(found: Pick<Segment, 'header'>, { previous }: Expected): boolean {
  return previous !== undefined && found.header.previous !== previous
}

/** What comes behind the segment. */
export function nextOf({ header: { epoch, seq, to }, checksum }: Segment): Expected {
  return { epoch, seq: seq + 1, from: to + 1, previous: checksum }
}
