import type { Frame } from '../follow/frame.ts'
import type { Revision } from '../mvcc/types.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { isRefused } from '../protocol/shard-rpc.ts'
import { ArchiveReader } from '../recovery/archive-reader.ts'
import { segmentsBehind } from '../recovery/segments-behind.ts'
import type { LeaderClient } from './leader-client.ts'

/** It counts for nobody: what the leader has compacted, it tells itself. */
const NOT_COMPACTED = { revision: -1, finished: true }

/** From where to where a log is missing. */
export interface Gap {
  /** In which the leader was that has compacted it. */
  readonly epoch: number
  readonly after: Revision
}

/**
 * What the keyspace's archive has of the log behind a revision, without the state that went with it. Nothing where the
 * leader of that epoch tells of no archive. Throws BrokenArchive and ObjectStoreError.
 */
export async function* archivedLog(
  leader: LeaderClient,
  objects: ObjectStore | undefined,
  { epoch, after }: Gap,
): AsyncGenerator<Frame, void> {
  const told = objects === undefined ? undefined : await leader.stub.copyArchive()
  if (objects === undefined || told === undefined || isRefused(told) || told.epoch !== epoch) {
    return
  }
  const reader = new ArchiveReader(objects, told.archive)
  for await (const { header, changes, bytes } of segmentsBehind(reader, told.chain, after)) {
    const { from, to, time } = header
    yield { epoch, from, to, time, compaction: NOT_COMPACTED, state: undefined, changes, bytes }
  }
}
