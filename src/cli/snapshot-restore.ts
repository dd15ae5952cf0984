import * as z from 'zod'
import { keyspace } from '../api/keyspaces.ts'
import { restore } from '../api/restores.ts'
import {
  BATCH_BYTES_MAX,
  encodeBatch,
  entryBytes,
  RESTORED_BUCKETS,
} from '../etcd-file/entry-batch.ts'
import type { BucketEntry, EtcdFile } from '../etcd-file/etcd-file.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import type { ApiClient } from './api-client.ts'
import { Failure } from './failure.ts'
import type { SnapshotFile } from './snapshot-file.ts'

/** Of entries that are sent at once, if a single one is not longer. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Short ones take longer for their bytes, and an answer must come in time. */
const BATCH_ENTRIES = 10_000

/**
 * Makes a keyspace from a file, batch by batch: the file is read as they leave. Where anything goes wrong
 * the server is told, and the keyspace is not there. Throws Failure, and FileProblem.
 */
export async function restoreKeyspace(
  api: ApiClient,
  { name, options }: { readonly name: string; readonly options: object },
  { file, status }: SnapshotFile,
): Promise<z.output<typeof keyspace>> {
  const path = `/keyspaces/${name}/restores`
  const { id } = await api.ask({ method: 'POST', path, body: options }, restore)
  const begun = `${path}/${id}`
  try {
    const entries = await send(api, begun, file)
    const total = { entries, changesSum: status.changesSum }
    for (;;) {
      const commit = { method: 'POST', path: `${begun}/commit`, body: total } as const
      const made = await api.ask(commit, keyspace)
      if (made.state === 'ready') {
        return made
      }
    }
  } catch (error) {
    await cancel(api, begun)
    throw error
  }
}

/** Answers how many entries there were. */
async function send(api: ApiClient, begun: string, file: EtcdFile): Promise<number> {
  let first = 0
  for (const batch of batchesOf(file)) {
    const body = encodeBatch(batch)
    const path = `${begun}/entries?first=${first}`
    await api.ask({ method: 'POST', path, body }, z.undefined())
    first += batch.length
  }
  return first
}

function* batchesOf(file: EtcdFile): Generator<readonly BucketEntry[], void> {
  let batch: BucketEntry[] = []
  let bytes = 0
  for (const bucket of RESTORED_BUCKETS) {
    for (const entry of file.entries(bucket)) {
      const length = entryBytes(entry)
      if (length > BATCH_BYTES_MAX) {
        throw new FileProblem(`has a value of ${entry.value.length} bytes, which is too long`)
      }
      const isFull = bytes + length > BATCH_BYTES || batch.length >= BATCH_ENTRIES
      if (isFull && batch.length > 0) {
        yield batch
        batch = []
        bytes = 0
      }
      batch.push(entry)
      bytes += length
    }
  }
  yield batch
}

/** What cannot be told ends by itself. */
async function cancel(api: ApiClient, begun: string): Promise<void> {
  try {
    await api.ask({ method: 'DELETE', path: begun }, z.undefined())
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error
    }
  }
}
