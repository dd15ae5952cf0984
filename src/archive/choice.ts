import type { Revision } from '../mvcc/types.ts'
import type { Chain, FullEntry, Manifest, SegmentMark } from './manifest.ts'

/** A full, and the chain of its epoch; undefined where the segments behind the full are not kept. */
export interface Base {
  readonly full: FullEntry
  readonly chain: Chain | undefined
}

/**
 * From where a revision is reached: in the latest epoch that had begun then, the last full that is not
 * behind it. What an earlier epoch has of the same revisions is of a shard that was deposed, or whose
 * storage was set back.
 */
export function baseOfRevision(manifest: Manifest, revision: Revision): Base | undefined {
  return baseOf(manifest, (full) => full.revision <= revision)
}

/** The same of a time, in ms since 1970. */
export function baseOfTime(manifest: Manifest, time: number): Base | undefined {
  return baseOf(manifest, (full) => full.time <= time)
}

function baseOf(manifest: Manifest, isReached: (full: FullEntry) => boolean): Base | undefined {
  const reached = manifest.fulls.filter(isReached)
  const epoch = Math.max(...reached.map((full) => full.epoch))
  const full = reached.findLast((candidate) => candidate.epoch === epoch)
  return full && { full, chain: chainBehind(manifest, full) }
}

/** The chain of a full's epoch, if it goes on right behind the full. */
function chainBehind({ chains }: Manifest, full: FullEntry): Chain | undefined {
  const chain = chains.find(({ epoch }) => epoch === full.epoch)
  return chain !== undefined && chain.first.seq <= full.seq + 1 ? chain : undefined
}

/** The last segment behind a full of which it is known that it ended before a time. */
export function markBefore(
  { marks }: Manifest,
  full: FullEntry,
  time: number,
): SegmentMark | undefined {
  return marks.findLast(
    (mark) => mark.epoch === full.epoch && mark.seq > full.seq && mark.time <= time,
  )
}

/** A full that has the history of a revision, be its state that of a later one. */
export function fullWithHistory({ fulls }: Manifest, revision: Revision): FullEntry | undefined {
  return fulls.find((full) => full.compactRevision <= revision && full.revision >= revision)
}
