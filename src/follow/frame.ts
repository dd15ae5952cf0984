import * as z from 'zod'
import { ArchiveDamage } from '../archive/archive-damage.ts'
import { namedChangesIn, type ChangesWriter } from '../archive/changes.ts'
import { decodeObject, encodeObject, jsonIn, jsonSection, parsed } from '../archive/container.ts'
import { type ArchivedCompaction, compaction } from '../archive/origin.ts'
import { type ArchivedState, encodeState, stateIn } from '../archive/state.ts'
import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import type { StatePosition } from '../protocol/replica-rpc.ts'

/**
 * What a leader tells its replicas of: a piece of the log, and the state that it ends with. It is an object as those of
 * an archive are (archive/container.ts), checksummed, with the changes and the fields of the state as sections.
 */
const header = z.object({
  epoch: z.int().min(1),
  from: z.int().min(1),
  to: z.int().min(0),
  time: z.int(),
  compaction,
  state: z
    .object({
      incarnation: z.string(),
      seq: z.int().min(0),
      since: z.int().min(0).nullable(),
    })
    .nullable(),
  /** How many there are. */
  changes: z.int().min(0),
})

interface FrameHead {
  readonly epoch: number
  /** Its first revision and its last: `from` is `to` + 1 where it has none. */
  readonly from: Revision
  readonly to: Revision
  /** The leader's clock at the end, in ms since 1970. */
  readonly time: number
  /** As it is at the end: it counts for whoever has `to`. */
  readonly compaction: ArchivedCompaction
}

/** By which a replica knows the simple tokens that the leader has signed, which no archive keeps. */
export interface TokenState {
  /** In base64; null where none was ever signed. */
  readonly key: string | null
  /** Of each user the revision of its password. */
  readonly passwords: readonly (readonly [user: string, revision: number])[]
}

const tokenState = z.object({
  key: z.string().nullable(),
  passwords: z.array(z.tuple([z.string(), z.int().min(0)])),
})

/** The state that goes with the last revision. */
export interface FrameState {
  readonly position: StatePosition
  /** It is what has changed since that frame of the same incarnation; null for all of it. */
  readonly since: number | null
  readonly content: ArchivedState
  /** As it is, where it may have changed. */
  readonly tokenState?: TokenState | undefined
}

export interface Frame extends FrameHead {
  /** Undefined where more of the log is to come before there is one. */
  readonly state: FrameState | undefined
  /** Those of `from` to `to`, in their order. Iterating throws ArchiveDamage. */
  readonly changes: Iterable<Change<Uint8Array>>
  /** So long it was on its way. */
  readonly bytes: number
}

/** The writer has the changes of `from` to `to`, and is ended by this. */
export function encodeFrame(
  { epoch, from, to, time, compaction: compacted }: FrameHead,
  changes: ChangesWriter,
  state: FrameState | undefined,
): Uint8Array<ArrayBuffer> {
  const fields: z.output<typeof header> = {
    epoch,
    from,
    to,
    time,
    compaction: compacted,
    state: state === undefined ? null : { ...state.position, since: state.since },
    changes: changes.count,
  }
  const tokens = state?.tokenState
  const sections = [
    changes.end(),
    ...encodeState(state?.content ?? {}),
    ...(tokens === undefined ? [] : [jsonSection('tokenState', tokens)]),
  ]
  return encodeObject('frame', fields, sections).bytes
}

/** Throws ArchiveDamage. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const object = decodeObject('frame', bytes)
  const { state, changes: count, ...head } = parsed(header, object.header)
  if (head.from > head.to + 1) {
    throw new ArchiveDamage('content', 'makes no sense: it ends before it begins')
  }
  const section = object.sections.get('changes') ?? new Uint8Array(0)
  return {
    ...head,
    state: state === null ? undefined : stateOf(state, object.sections),
    changes: { [Symbol.iterator]: () => namedChangesIn(section, head, count) },
    bytes: bytes.length,
  }
}

function stateOf(
  { incarnation, seq, since }: NonNullable<z.output<typeof header>['state']>,
  sections: ReadonlyMap<string, Uint8Array>,
): FrameState {
  const tokens = sections.get('tokenState')
  return {
    position: { incarnation, seq },
    since,
    content: stateIn(sections),
    ...(tokens !== undefined && { tokenState: jsonIn(tokenState, tokens) }),
  }
}
