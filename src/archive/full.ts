import * as z from 'zod'
import type { Change } from '../mvcc/history.ts'
import { ArchiveDamage } from './archive-damage.ts'
import { changesIn, type ChangesWriter } from './changes.ts'
import { decodeObject, encodeObject, type ObjectBuffer, parsed } from './container.ts'
import { compaction, origin } from './origin.ts'
import { type ArchivedState, encodeState, stateIn } from './state.ts'

const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)

const partHeader = z.object({
  ...origin.shape,
  seq: z.int().min(0),
  revision: z.int().min(0),
  /** From 0 on. */
  part: z.int().min(0),
  changes: z.int().min(0),
})

export type PartHeader = z.output<typeof partHeader>

/** As HashKV answers it. */
const hash = z.object({ hash: uint32, revision: z.int(), compactRevision: z.int() })

const end = z.object({
  ...origin.shape,
  seq: z.int().min(0),
  revision: z.int().min(0),
  compaction,
  /** When the state was that, in ms since 1970. */
  time: z.int(),
  /** Of each part. */
  parts: z.array(z.object({ bytes: z.int().min(0), checksum: uint32, changes: z.int().min(0) })),
  /** Null where it was not asked. */
  hash: hash.nullable(),
  /** Of the segment before, `seq`; null if that is 0. */
  previous: uint32.nullable(),
})

/** What makes the parts of a full one: it is written last. */
export type FullEnd = z.output<typeof end>

export interface FullPart {
  readonly header: PartHeader
  readonly checksum: number
  /** Those of the log, part by part, in their order. Iterating throws ArchiveDamage. */
  readonly changes: Iterable<Change<Uint8Array>>
  /** Of the last part all of it, of others nothing. */
  readonly state: ArchivedState
}

/** In `buffer`, where its changes were written there. */
export function encodePart(
  fields: Omit<PartHeader, 'changes'>,
  changes: ChangesWriter,
  state: ArchivedState,
  buffer?: ObjectBuffer,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly checksum: number } {
  const sections = [changes.end(), ...encodeState(state)]
  return encodeObject('part', { ...fields, changes: changes.count }, sections, buffer)
}

/** Throws ArchiveDamage. */
export function decodePart(bytes: Uint8Array): FullPart {
  const object = decodeObject('part', bytes)
  const fields = parsed(partHeader, object.header)
  const section = object.sections.get('changes') ?? new Uint8Array(0)
  return {
    header: fields,
    checksum: object.checksum,
    changes: { [Symbol.iterator]: () => changesOf(section, fields) },
    state: stateIn(object.sections),
  }
}

function* changesOf(
  section: Uint8Array,
  { revision, changes }: PartHeader,
): Generator<Change<Uint8Array>> {
  let count = 0
  for (const change of changesIn(section)) {
    if (change.main > revision) {
      throw new ArchiveDamage('content', `makes no sense: revision ${change.main} is not in it`)
    }
    count++
    yield change
  }
  if (count !== changes) {
    throw new ArchiveDamage('content', `makes no sense: it has ${count} changes of ${changes}`)
  }
}

/** Throws ArchiveDamage where the part is not that one of the full. */
export function requirePart({ header, checksum }: FullPart, full: FullEnd, part: number): void {
  const sameFull =
    header.epoch === full.epoch && header.seq === full.seq && header.revision === full.revision
  if (!sameFull || header.part !== part) {
    throw new ArchiveDamage('foreign', `is part ${header.part} of ${header.seq}-${header.revision}`)
  }
  if (checksum !== full.parts[part]?.checksum) {
    throw new ArchiveDamage('chain', 'is not the part that the end of its full names')
  }
}

export function encodeEnd(content: FullEnd): Uint8Array<ArrayBuffer> {
  return encodeObject('end', content).bytes
}

/** Throws ArchiveDamage. */
export function decodeEnd(bytes: Uint8Array): FullEnd {
  return parsed(end, decodeObject('end', bytes).header)
}
