import {
  type Base,
  baseOfRevision,
  baseOfTime,
  fullWithHistory,
  markBefore,
} from '../archive/choice.ts'
import type { Chain, FullEntry, Manifest } from '../archive/manifest.ts'
import type { Expected } from '../archive/segment.ts'
import type { Revision } from '../mvcc/types.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { NotKept } from './broken-archive.ts'
import { segmentsFrom } from './segment-walk.ts'

/** What is wanted of an archive: a revision, a time in ms since 1970, or the latest that there is. */
export type Target =
  | { readonly revision: Revision }
  | { readonly time: number }
  | { readonly latest: true }

/** A point in an archive: the state at the end of a revision, or as far as it had come at a time. */
export interface Point {
  /** From where it is reached. */
  readonly base: Base
  readonly revision: Revision
  /** State that is later is none of it. Undefined where all of the revision's is. */
  readonly time: number | undefined
}

/**
 * Throws NotKept where the archive does not have it. Of a revision that no segments lead to, but that a later
 * full still has the history of, the state beside the history is that of the full.
 */
export async function pointOf(
  reader: ArchiveReader,
  manifest: Manifest,
  target: Target,
): Promise<Point> {
  if ('latest' in target) {
    return latestPoint(reader, manifest)
  }
  return 'time' in target
    ? pointAtTime(reader, manifest, target.time)
    : pointAtRevision(reader, manifest, target.revision)
}

async function latestPoint(reader: ArchiveReader, manifest: Manifest): Promise<Point> {
  const base = baseOfRevision(manifest, Infinity)
  if (base === undefined) {
    throw new NotKept('the archive has no full snapshot yet')
  }
  const { full, chain } = base
  const end = chain && (await endOf(reader, full, chain))
  return { base, revision: Math.max(full.revision, end?.to ?? 0), time: undefined }
}

/** The manifest with what has come behind its last chain since: segments come more often than manifests. */
export async function withLatest(reader: ArchiveReader, manifest: Manifest): Promise<Manifest> {
  const { full, chain } = baseOfRevision(manifest, Infinity) ?? {}
  if (full === undefined || chain === undefined) {
    return manifest
  }
  const last = await endOf(reader, full, chain)
  return {
    ...manifest,
    chains: manifest.chains.map((each) => (each.epoch === chain.epoch ? { ...each, last } : each)),
  }
}

async function endOf(reader: ArchiveReader, full: FullEntry, chain: Chain): Promise<Chain['last']> {
  let { last } = chain
  for await (const { segment } of segmentsFrom(reader, behindKnown(full, chain), chain)) {
    const { seq, to, time } = segment.header
    last = { seq, to, time, checksum: segment.checksum }
  }
  return last
}

/** What comes behind the last segment that a manifest has. */
function behindKnown(full: FullEntry, { last }: Chain): Expected {
  return last.seq > full.seq
    ? {
        epoch: full.epoch,
        seq: last.seq + 1,
        from: last.to + 1,
        previous: last.checksum ?? undefined,
      }
    : behindFull(full)
}

async function pointAtRevision(
  reader: ArchiveReader,
  manifest: Manifest,
  revision: Revision,
): Promise<Point> {
  const base = baseOfRevision(manifest, revision)
  const reached = base && (await revisionReached(reader, base, revision))
  if (base !== undefined && reached === revision) {
    return { base, revision, time: undefined }
  }
  const later = fullWithHistory(manifest, revision)
  if (later !== undefined) {
    return { base: { full: later, chain: undefined }, revision, time: undefined }
  }
  const isFuture = base?.full === manifest.fulls.at(-1) && base?.chain !== undefined
  throw new NotKept(
    isFuture
      ? `revision ${revision} is not in the archive yet, which has come to ${reached}`
      : `revision ${revision} is not kept${nearest(manifest, (full) => full.revision < revision)}`,
  )
}

/** The revision, or the last one before it that there is. */
async function revisionReached(
  reader: ArchiveReader,
  { full, chain }: Base,
  revision: Revision,
): Promise<Revision> {
  if (chain === undefined || full.revision === revision) {
    return full.revision
  }
  if (chain.last.to >= revision) {
    return revision
  }
  let reached = Math.max(full.revision, chain.last.to)
  for await (const { segment } of segmentsFrom(reader, behindKnown(full, chain), chain)) {
    reached = segment.header.to
    if (reached >= revision) {
      return revision
    }
  }
  return reached
}

async function pointAtTime(
  reader: ArchiveReader,
  manifest: Manifest,
  time: number,
): Promise<Point> {
  const base = baseOfTime(manifest, time)
  if (base === undefined) {
    throw new NotKept(`nothing of ${shownTime(time)} is kept${nearest(manifest, () => false)}`)
  }
  const { full, chain } = base
  if (chain === undefined) {
    if (full.time === time) {
      return { base, revision: full.revision, time }
    }
    const before = (other: FullEntry): boolean => other.time <= time
    throw new NotKept(`nothing of ${shownTime(time)} is kept${nearest(manifest, before)}`)
  }
  const mark = markBefore(manifest, full, time)
  const from: Expected =
    mark === undefined
      ? behindFull(full)
      : { epoch: mark.epoch, seq: mark.seq + 1, from: mark.to + 1, previous: undefined }
  let { revision } = mark === undefined ? full : { revision: mark.to }
  for await (const { segment } of segmentsFrom(reader, from, chain)) {
    const { header } = segment
    if (header.time > time) {
      revision = header.marks.findLast(([at]) => at <= time)?.[1] ?? revision
      break
    }
    revision = header.to
  }
  return { base, revision, time }
}

/** What comes behind a full; the checksum of the segment before is in the full's end. */
function behindFull({ epoch, seq, revision }: FullEntry): Expected {
  return { epoch, seq: seq + 1, from: revision + 1, previous: seq === 0 ? null : undefined }
}

/** The fulls on both sides of what is not kept. */
function nearest({ fulls }: Manifest, isBefore: (full: FullEntry) => boolean): string {
  const sides = [fulls.findLast(isBefore), fulls.find((full) => !isBefore(full))]
  const names = sides
    .filter((full) => full !== undefined)
    .map(({ revision, time }) => `revision ${revision} of ${shownTime(time)}`)
  return names.length === 0 ? '' : `: the nearest is ${names.join(', and ')}`
}

function shownTime(time: number): string {
  return new Date(time).toISOString()
}
