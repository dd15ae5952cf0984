import { encodeManifest, type News, nextManifest } from '../../archive/manifest.ts'
import {
  type ArchiveName,
  archivePrefix,
  endKey,
  manifestKey,
  parseKey,
  partKey,
  segmentKey,
} from '../../archive/names.ts'
import {
  DEFAULT_RETENTION,
  isPruned,
  planRetention,
  type RetentionPlan,
} from '../../archive/retention.ts'
import type { ObjectStore } from '../../object-store/object-store.ts'
import { Deposed, lastManifest, type NumberedManifest } from './claim-epoch.ts'
import type { Position, SentFull, SentSegment } from './position.ts'
import type { Target } from './send-full.ts'

/** So many keys are deleted at once. */
const DELETED_MAX = 1000

export interface WrittenManifest {
  readonly number: number
  /** What is of no more use, where a full has come. */
  readonly plan: RetentionPlan | undefined
}

/**
 * Writes the next manifest: of segments and a full that were found to be there. Throws Deposed where another
 * shard has written one of a later epoch, and ObjectStoreError.
 */
export async function writeManifest(
  { objects, archive, origin }: Target,
  position: Position,
  now: number,
): Promise<WrittenManifest> {
  for (let known = position.manifest; ;) {
    const last: NumberedManifest = await lastManifest(objects, archive, known)
    const { manifest } = last
    if (manifest !== undefined && manifest.epoch > position.epoch) {
      throw new Deposed(manifest.epoch)
    }
    const number = last.number + 1
    const next = nextManifest(manifest, newsOf(position, { origin, number, time: now }))
    const plan =
      position.full?.listed === false ? planRetention(next, now, DEFAULT_RETENTION) : undefined
    const bytes = encodeManifest({ ...next, ...plan?.kept })
    if (await objects.put(manifestKey(archive, number), bytes, 'absent')) {
      return { number, plan }
    }
    known = number
  }
}

function newsOf(position: Position, own: Pick<News, 'origin' | 'number' | 'time'>): News {
  const { epoch, full, unlisted, seq, revision: to, time, checksum } = position
  const made = full && { ...entryOf(full), epoch }
  return { ...own, end: { seq, to, time, checksum }, segments: unlisted, full: made }
}

function entryOf({ seq, revision, compactRevision, time, parts, bytes }: SentFull) {
  return { seq, revision, compactRevision, time, parts, bytes }
}

/** The first of the segments that no manifest names yet and that are not there: the store has lost it. */
export async function lostSegment(
  { objects, archive }: Target,
  { epoch, unlisted }: Position,
): Promise<SentSegment | undefined> {
  for (const segment of unlisted) {
    const key = segmentKey(archive, { epoch, seq: segment.seq, from: segment.from })
    if (!(await objects.has(key))) {
      return segment
    }
  }
  return undefined
}

/** Whether all of the full that no manifest names yet is there. */
export async function isFullThere(
  { objects, archive }: Target,
  { epoch }: Position,
  { seq, revision, parts }: SentFull,
): Promise<boolean> {
  const name = { epoch, seq, revision }
  const keys = Array.from({ length: parts }, (_, part) => partKey(archive, name, part))
  for (const key of [...keys, endKey(archive, name)]) {
    if (!(await objects.has(key))) {
      return false
    }
  }
  return true
}

/** Deletes what is of no more use. What is left of it when that fails goes with the next. */
export async function prune(
  objects: ObjectStore,
  archive: ArchiveName,
  plan: RetentionPlan,
): Promise<void> {
  const prefix = archivePrefix(archive)
  for (let after = '', more = true; more;) {
    const page = await objects.list(prefix, after === '' ? {} : { after })
    after = page.objects.at(-1)?.key ?? after
    ;({ more } = page)
    const pruned = page.objects
      .map(({ key }) => key)
      .filter((key) => {
        const named = parseKey(archive, key)
        return named !== undefined && isPruned(plan, named)
      })
    for (let start = 0; start < pruned.length; start += DELETED_MAX) {
      await objects.delete(pruned.slice(start, start + DELETED_MAX))
    }
  }
}
