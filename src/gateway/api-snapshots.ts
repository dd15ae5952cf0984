import type * as z from 'zod'
import { namedKeyspace } from '../api/keyspaces.ts'
import {
  ofGeneration,
  pruned,
  pruneRequest,
  snapshotList,
  verification,
  verificationStep,
} from '../api/snapshots.ts'
import type { Chain, FullEntry, Manifest } from '../archive/manifest.ts'
import { withLatest } from '../recovery/point.ts'
import { prune } from '../recovery/prune.ts'
import { verifyStep } from '../recovery/verify-step.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { openArchive, reading } from './archive-access.ts'

const refusals = { 404: 'There are no snapshots of a keyspace of that name.' }

/** What the object store has of a keyspace, be it there still or not. */
export const snapshotEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/snapshots',
    id: 'listSnapshots',
    summary: 'Lists what of a keyspace can be restored.',
    params: namedKeyspace,
    query: ofGeneration,
    success: { status: 200, description: 'The points in time.', schema: snapshotList },
    refusals,
    handle: ({ env }, { params: { name }, query: { generation } }) =>
      reading(async () => {
        const { archive, generations, reader, ...opened } = await openArchive(env, name, generation)
        const manifest = await withLatest(reader, opened.manifest)
        return {
          keyspace: name,
          generation: archive.generation,
          generations: [...generations],
          manifest: manifest.number,
          written: shownTime(manifest.time),
          fulls: manifest.fulls.map(shownFull),
          reaches: manifest.chains.flatMap((chain) => shownReach(manifest, chain)),
        }
      }),
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/snapshots/verification',
    id: 'verifySnapshots',
    summary: 'Reads some of the snapshots back: checksums, chains, and HashKV of each full one.',
    params: namedKeyspace,
    body: verificationStep,
    success: { status: 200, description: 'What was found.', schema: verification },
    refusals,
    handle: ({ env }, { params: { name }, body: { generation, after } }) =>
      reading(async () => {
        const { reader, manifest } = await openArchive(env, name, generation)
        return verifyStep(reader, manifest, after)
      }),
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/snapshots/prune',
    id: 'pruneSnapshots',
    summary: 'Deletes the snapshots that the retention does not keep.',
    params: namedKeyspace,
    body: pruneRequest,
    success: { status: 200, description: 'What has gone.', schema: pruned },
    refusals,
    handle: ({ env }, { params: { name }, body: { dryRun, generation } }) =>
      reading(async () => {
        const { reader, manifest } = await openArchive(env, name, generation)
        const { objects, bytes, fulls } = await prune(reader, manifest, { now: Date.now(), dryRun })
        return { objects, bytes, fulls: fulls.map(shownFull) }
      }),
  }),
]

function shownTime(time: number): string {
  return new Date(time).toISOString()
}

function shownFull(full: FullEntry): z.output<typeof snapshotList>['fulls'][number] {
  const { epoch, revision, compactRevision, time, parts, bytes } = full
  return { revision, time: shownTime(time), bytes, parts, compactRevision, epoch }
}

/** From the first full of the epoch that its segments go on from. */
function shownReach(
  { fulls }: Manifest,
  { epoch, first, last, bytes }: Chain,
): z.output<typeof snapshotList>['reaches'] {
  const start = fulls.find((full) => full.epoch === epoch && full.seq >= first.seq - 1)
  return start === undefined
    ? []
    : [
        {
          from: start.revision,
          to: Math.max(last.to, start.revision),
          since: shownTime(start.time),
          until: shownTime(Math.max(last.time, start.time)),
          bytes,
          epoch,
        },
      ]
}
