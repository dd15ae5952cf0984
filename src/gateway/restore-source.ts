import type * as z from 'zod'
import type { restoreSource } from '../api/snapshots.ts'
import type { Visitor } from '../door/visitor.ts'
import { pointOf } from '../recovery/point.ts'
import type { RestoreSource } from '../shard/restore-source.ts'
import { openArchive, reading, targetOf } from './archive-access.ts'

type Wanted = z.output<typeof restoreSource>

/** What the new keyspace's shard is told to read. Throws RpcStatus. */
export function restoreSourceOf(
  env: Env,
  _visitor: Visitor,
  { keyspace, revision, time, generation }: Wanted,
): Promise<RestoreSource> {
  return reading(async () => {
    const { archive, reader, manifest } = await openArchive(env, keyspace, generation)
    const point = await pointOf(reader, manifest, targetOf(revision, time))
    return { kind: 'archive', archive, point }
  })
}
