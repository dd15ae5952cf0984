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
  readonly number: number
  /** When it is written, in ms since 1970. */
  readonly time: number
  /** Where the epoch's chain ends. */
  readonly end: Chain['last']
  /** Segments that end there, in their order. Some may be named already. */
  readonly segments: readonly SentSegment[]
  /** The epoch's last, which may be named already. */
  readonly full: FullEntry | undefined
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

/** The manifest behind another one, or the first. */
export function nextManifest(last: Manifest | undefined, news: News): Manifest {
  const { origin: own, number, time, segments, full: made } = news
  const before = last ?? { chains: [], fulls: [], marks: [] }
  const isNamed =
    made === undefined ||
    before.fulls.some(({ epoch, seq }) => epoch === own.epoch && seq === made.seq)
  const newest = segments.at(-1)
  return {
    ...own,
    number,
    time,
    chains: [
      ...before.chains.filter(({ epoch }) => epoch !== own.epoch),
      chainWith(
        before.chains.find(({ epoch }) => epoch === own.epoch),
        news,
      ),
    ],
    fulls: isNamed ? before.fulls : [...before.fulls, made],
    marks:
      newest === undefined
        ? before.marks
        : withMark(before.marks, {
            time: newest.time,
            to: newest.to,
            epoch: own.epoch,
            seq: newest.seq,
            from: newest.from,
          }),
  }
}

/** An epoch's chain begins behind its first full: what came before that is of no use. */
function chainWith(known: Chain | undefined, news: News): Chain {
  const { end, segments, full: made } = news
  const first = known?.first ?? {
    seq: (made?.seq ?? end.seq) + 1,
    from: (made?.revision ?? end.to) + 1,
  }
  const named = known?.last.seq ?? first.seq - 1
  const added = segments.reduce((sum, { seq, bytes }) => sum + (seq > named ? bytes : 0), 0)
  return { epoch: news.origin.epoch, first, last: end, bytes: (known?.bytes ?? 0) + added }
}

/** With one more; where they are too many, each second of the older half goes. */
export function withMark(marks: readonly SegmentMark[], mark: SegmentMark): SegmentMark[] {
  if (marks.length < MARKS_MAX) {
    return [...marks, mark]
  }
  const half = marks.length >> 1
  return [...marks.slice(0, half).filter((_, index) => index % 2 === 0), ...marks.slice(half), mark]
}
