import type * as z from 'zod'
import type { restoreSource } from '../api/snapshots.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { Visitor } from '../door/visitor.ts'
import { pointOf } from '../recovery/point.ts'
import type { RestoreSource } from '../shard/restore-source.ts'
import { openArchive, reading, targetOf } from './archive-access.ts'
import { liveKeyspace } from './live-history.ts'

type Wanted = z.output<typeof restoreSource>

/** What the new keyspace's shard is told to read. Throws RpcStatus. */
export function restoreSourceOf(
  env: Env,
  visitor: Visitor,
  wanted: Wanted,
): Promise<RestoreSource> {
  const { keyspace, revision, time, generation, live } = wanted
  return reading(async () => {
    // A time is looked up in the archive.
    if (live && generation === undefined && time === undefined) {
      const address = await liveKeyspace(env, visitor, keyspace, revision ?? 0)
      if (address !== undefined) {
        return copyOf(address, revision ?? 0)
      }
    }
    const { archive, reader, manifest } = await openArchive(env, keyspace, generation)
    const point = await pointOf(reader, manifest, targetOf(revision, time))
    return { kind: 'archive', archive, point }
  })
}

function copyOf({ name, jurisdiction, leader }: KeyspaceAddress, revision: number): RestoreSource {
  return { kind: 'keyspace', name, jurisdiction, leader, revision }
}
