import { RESTORED_BUCKETS } from '../etcd-file/entry-batch.ts'
import type { BucketEntry, EtcdFile } from '../etcd-file/etcd-file.ts'
import { compactionEntry } from '../etcd-file/state-entries.ts'
import type { ApiClient } from './api-client.ts'
import { Failure } from './failure.ts'
import { batchesOf, type Keyspace, type NewKeyspace, RestoreClient } from './restore-client.ts'
import type { SnapshotFile } from './snapshot-file.ts'

/**
 * Makes a keyspace from a file, batch by batch: the file is read as they leave. Where anything goes wrong
 * the server is told, and the keyspace is not there. `bump` is how much
 * the revision is raised, and all before it compacted; 0 for not. Throws Failure, and FileProblem.
 */
export async function restoreKeyspace(
  api: ApiClient,
  wanted: NewKeyspace,
  { file, status, bump }: SnapshotFile & { readonly bump: number },
): Promise<Keyspace> {
  const restore = await RestoreClient.begin(api, wanted)
  try {
    let entries = 0
    for (const batch of batchesOf(entriesOf(file))) {
      await restore.send(entries, batch)
      entries += batch.length
    }
    if (bump > 0) {
      await restore.send(entries, [compactionEntry(status.revision + bump)])
      entries++
    }
    return await restore.commit({ entries, changesSum: status.changesSum })
  } catch (error) {
    await cancel(restore)
    throw error
  }
}

function* entriesOf(file: EtcdFile): Generator<BucketEntry, void> {
  for (const bucket of RESTORED_BUCKETS) {
    yield* file.entries(bucket)
  }
}

/** What cannot be told ends by itself. */
async function cancel(restore: RestoreClient): Promise<void> {
  try {
    await restore.cancel()
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error
    }
  }
}
