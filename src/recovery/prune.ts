import { encodeManifest, type FullEntry, type Manifest } from '../archive/manifest.ts'
import { archivePrefix, manifestKey, parseKey } from '../archive/names.ts'
import {
  DEFAULT_RETENTION,
  isPruned,
  planRetention,
  type RetentionPlan,
} from '../archive/retention.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { NotKept } from './broken-archive.ts'

/** So many keys are deleted at once. */
const DELETED_MAX = 1_000
/** A manifest of the keyspace's own may come between, but not for ever. */
const ATTEMPTS_MAX = 5

/**
 * Deletes what the retention does not keep at a time, in ms since 1970; with `dryRun` nothing. What stays
 * is first said by a manifest, so that nobody is told of what is not there.
 */
export async function prune(
  reader: ArchiveReader,
  first: Manifest,
  { now, dryRun }: { readonly now: number; readonly dryRun: boolean },
): Promise<{
  readonly objects: number
  readonly bytes: number
  readonly fulls: readonly FullEntry[]
}> {
  const plan = dryRun ? planAt(first, now) : await announce(reader, first, now)
  let objects = 0
  let bytes = 0
  let keys: string[] = []
  for await (const { key, size } of listed(reader)) {
    const name = parseKey(reader.archive, key)
    if (name !== undefined && isPruned(plan, name)) {
      objects++
      bytes += size
      keys.push(key)
    }
    if (!dryRun && keys.length >= DELETED_MAX) {
      await reader.store.delete(keys)
      keys = []
    }
  }
  if (!dryRun && keys.length > 0) {
    await reader.store.delete(keys)
  }
  return { objects, bytes, fulls: plan.fulls }
}

function planAt(manifest: Manifest, now: number): RetentionPlan {
  return planRetention(manifest, now, DEFAULT_RETENTION)
}

/** Writes the manifest of what stays, if anything goes. */
async function announce(
  reader: ArchiveReader,
  first: Manifest,
  now: number,
): Promise<RetentionPlan> {
  let manifest: Manifest | undefined = first
  for (let attempt = 0; attempt < ATTEMPTS_MAX && manifest !== undefined; attempt++) {
    const plan = planAt(manifest, now)
    if (plan.fulls.length === 0 && isSame(plan.kept.chains, manifest.chains)) {
      return plan
    }
    const next = { ...manifest, ...plan.kept, number: manifest.number + 1, time: now }
    const key = manifestKey(reader.archive, next.number)
    if (await reader.store.put(key, encodeManifest(next), 'absent')) {
      return plan
    }
    manifest = await reader.latestManifest()
  }
  throw new NotKept('the keyspace writes manifests all the time; try it again')
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

async function* listed(reader: ArchiveReader) {
  const prefix = archivePrefix(reader.archive)
  for (let after: string | undefined; ;) {
    const { objects, more } = await reader.store.list(prefix, after === undefined ? {} : { after })
    yield* objects
    after = objects.at(-1)?.key
    if (!more) {
      return
    }
  }
}
