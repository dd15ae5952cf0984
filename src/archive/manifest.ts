import * as z from 'zod'
import { decodeObject, encodeObject, parsed } from './container.ts'
import { type Origin, origin } from './origin.ts'

const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)

/** Segments of an epoch, one behind the other without a gap. */
const chain = z.object({
  epoch: z.int().min(1),
  /** The first one that is kept, and its first revision. It need not be there: then `last` is one less. */
  first: z.object({ seq: z.int().min(1), from: z.int().min(1) }),
  last: z.object({
    seq: z.int().min(0),
    to: z.int().min(0),
    /** In ms since 1970. */
    time: z.int(),
    checksum: uint32.nullable(),
  }),
  /** Of all that are kept, as far as is known. */
  bytes: z.int().min(0),
})

const full = z.object({
  epoch: z.int().min(1),
  seq: z.int().min(0),
  revision: z.int().min(0),
  compactRevision: z.int().min(-1),
  /** In ms since 1970. */
  time: z.int(),
  parts: z.int().min(1),
  bytes: z.int().min(0),
})

/** A segment ended so: in ms since 1970, with its last revision, and its name but for the epoch. */
const segmentMark = z.object({
  time: z.int(),
  to: z.int().min(0),
  epoch: z.int().min(1),
  seq: z.int().min(1),
  from: z.int().min(1),
})

const manifest = z.object({
  ...origin.shape,
  /** From 1 on, over all epochs. */
  number: z.int().min(1),
  /** When it was written, in ms since 1970. */
  time: z.int(),
  /** In the order of their epochs. The last may go on behind what is said here. */
  chains: z.array(chain),
  /** In the order of epochs and revisions. */
  fulls: z.array(full),
  /** Some of the segments, in their order: where to begin to look for a time. */
  marks: z.array(segmentMark),
})

export type Chain = z.output<typeof chain>
export type FullEntry = z.output<typeof full>
export type SegmentMark = z.output<typeof segmentMark>

/** What there is in an archive. A later one takes its place; none is written twice. */
export type Manifest = z.output<typeof manifest>

/** At most so many marks are kept: a manifest has some 100 kB. */
export const MARKS_MAX = 1_500

export function encodeManifest(content: Manifest): Uint8Array<ArrayBuffer> {
  return encodeObject('manifest', content).bytes
}

/** Throws ArchiveDamage. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  return parsed(manifest, decodeObject('manifest', bytes).header)
}

/** What has come into an archive since a manifest, all of it of one epoch. */
export interface News {
  /** The manifest's own. */
  readonly origin: Origin
  /** When it is written, in ms since 1970. */
  readonly time: number
  /** In their order, the first of them right behind the last one that was told of. */
  readonly segments: readonly SentSegment[]
  readonly full?: FullEntry | undefined
}

export interface SentSegment {
  readonly seq: number
  readonly from: number
  readonly to: number
  readonly bytes: number
  readonly checksum: number
  /** When it ended, in ms since 1970. */
  readonly time: number
}

/** The manifest behind another one. */
export function nextManifest(before: Manifest | undefined, news: News): Manifest {
  const { origin: own, time, segments, full: made } = news
  const chains = before?.chains ?? []
  const last = segments.at(-1)
  const marks = before?.marks ?? []
  return {
    ...own,
    number: (before?.number ?? 0) + 1,
    time,
    chains: [
      ...chains.filter(({ epoch }) => epoch !== own.epoch),
      ...chainWith(
        chains.find(({ epoch }) => epoch === own.epoch),
        news,
      ),
    ],
    fulls: [...(before?.fulls ?? []), ...(made === undefined ? [] : [made])].toSorted(
      (a, b) => a.epoch - b.epoch || a.seq - b.seq,
    ),
    marks:
      last === undefined
        ? marks
        : withMark(marks, {
            time: last.time,
            to: last.to,
            epoch: own.epoch,
            seq: last.seq,
            from: last.from,
          }),
  }
}

/** Of an epoch of which there is nothing yet there is no chain. */
function chainWith(
  before: Chain | undefined,
  { origin: { epoch }, segments, full: made }: News,
): readonly Chain[] {
  const [first] = segments
  const begun = before ?? (first && begin(epoch, first)) ?? (made && behindFull(made))
  if (begun === undefined) {
    return []
  }
  const { seq, to, time, checksum } = segments.at(-1) ?? begun.last
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, begun.bytes)
  return [{ ...begun, last: { seq, to, time, checksum }, bytes }]
}

function begin(epoch: number, { seq, from, time }: SentSegment): Chain {
  const last = { seq: seq - 1, to: from - 1, time, checksum: null }
  return { epoch, first: { seq, from }, last, bytes: 0 }
}

function behindFull({ epoch, seq, revision, time }: FullEntry): Chain {
  const last = { seq, to: revision, time, checksum: null }
  return { epoch, first: { seq: seq + 1, from: revision + 1 }, last, bytes: 0 }
}

/** With one more; where they are too many, each second of the older half goes. */
export function withMark(marks: readonly SegmentMark[], mark: SegmentMark): SegmentMark[] {
  if (marks.length < MARKS_MAX) {
    return [...marks, mark]
  }
  const half = marks.length >> 1
  return [...marks.slice(0, half).filter((_, index) => index % 2 === 0), ...marks.slice(half), mark]
}
