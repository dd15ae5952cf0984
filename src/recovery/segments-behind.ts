import { ArchiveDamage } from '../archive/archive-damage.ts'
import type { Chain, Manifest } from '../archive/manifest.ts'
import { segmentKey } from '../archive/names.ts'
import type { Expected, Segment } from '../archive/segment.ts'
import type { Revision } from '../mvcc/types.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { BrokenArchive } from './broken-archive.ts'
import { segmentsFrom } from './segment-walk.ts'

/**
 * The segments of a chain with what comes behind a revision, up to the chain's last one as its sender tells of it; none
 * where the archive does not reach back so far. Each names the one before it, so where the last one is the sender's, all
 * are. Throws BrokenArchive, ObjectStoreError.
 */
export async function* segmentsBehind(
  reader: ArchiveReader,
  chain: Chain,
  revision: Revision,
): AsyncGenerator<Segment, void> {
  const start = startBehind(await reader.latestManifest(), chain, revision)
  if (start === undefined || start.seq > chain.last.seq) {
    return
  }
  for await (const { segment, expected } of segmentsFrom(reader, start, chain)) {
    const isLast = expected.seq === chain.last.seq
    if (isLast && chain.last.checksum !== null && chain.last.checksum !== segment.checksum) {
      const damage = new ArchiveDamage('chain', 'is not the segment that was sent')
      throw new BrokenArchive(segmentKey(reader.archive, expected), damage)
    }
    if (segment.header.to > revision) {
      yield segment
    }
    if (isLast) {
      return
    }
  }
}

/** Where to begin to read: manifests name some of the segments, also of those before the last full. */
function startBehind(
  manifest: Manifest | undefined,
  { epoch, first, last }: Chain,
  revision: Revision,
): Expected | undefined {
  const kept = manifest?.chains.find((chain) => chain.epoch === epoch)?.first
  const mark = manifest?.marks.findLast(
    (one) => one.epoch === epoch && one.seq < last.seq && one.to <= revision,
  )
  const starts = [kept, mark && { seq: mark.seq + 1, from: mark.to + 1 }, first]
  const [latest] = starts
    .filter((start) => start !== undefined && start.from <= revision + 1)
    .toSorted((a, b) => (b?.seq ?? 0) - (a?.seq ?? 0))
  return latest && { epoch, ...latest, previous: undefined }
}
