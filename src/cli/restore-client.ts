import * as z from 'zod'
import { keyspace } from '../api/keyspaces.ts'
import { restore, restoreProgress } from '../api/restores.ts'
import { BATCH_BYTES_MAX, encodeBatch, entryBytes } from '../etcd-file/entry-batch.ts'
import type { BucketEntry } from '../etcd-file/etcd-file.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import type { RestoreProgress, RestoreTotal } from '../protocol/shard-rpc.ts'
import type { ApiClient } from './api-client.ts'

/** Of entries that are sent at once, if a single one is not longer. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Short ones take longer for their bytes, and an answer must come in time. */
const BATCH_ENTRIES = 10_000

export type Keyspace = z.output<typeof keyspace>

/** A new keyspace: its name, and options as the API has them. */
export interface NewKeyspace {
  readonly name: string
  readonly options: object
}

/** A keyspace that is made from entries of a file of etcd's, by the API. Everything throws ApiFailure. */
export class RestoreClient {
  readonly #api: ApiClient
  readonly #path: string
  readonly id: string

  constructor(api: ApiClient, name: string, id: string) {
    this.#api = api
    this.#path = `/keyspaces/${name}/restores/${id}`
    this.id = id
  }

  static async begin(api: ApiClient, { name, options }: NewKeyspace): Promise<RestoreClient> {
    const path = `/keyspaces/${name}/restores`
    const { id } = await api.ask({ method: 'POST', path, body: options }, restore)
    return new RestoreClient(api, name, id)
  }

  /** `patience` is in seconds, see the API. */
  async send(first: number, batch: readonly BucketEntry[], patience = 0): Promise<void> {
    const path = `${this.#path}/entries?first=${first}&patience=${patience}`
    await this.#api.ask({ method: 'POST', path, body: encodeBatch(batch) }, z.undefined())
  }

  progress(): Promise<RestoreProgress> {
    return this.#api.ask({ method: 'GET', path: this.#path }, restoreProgress)
  }

  async commit({ entries, changesSum }: RestoreTotal): Promise<Keyspace> {
    const body = { entries, changesSum }
    for (;;) {
      const commit = { method: 'POST', path: `${this.#path}/commit`, body } as const
      const made = await this.#api.ask(commit, keyspace)
      if (made.state === 'ready') {
        return made
      }
    }
  }

  async cancel(): Promise<void> {
    await this.#api.ask({ method: 'DELETE', path: this.#path }, z.undefined())
  }
}

/** As they are sent. Throws FileProblem for an entry that cannot be. */
export function* batchesOf(
  entries: Iterable<BucketEntry>,
): Generator<readonly BucketEntry[], void> {
  let batch: BucketEntry[] = []
  let bytes = 0
  for (const entry of entries) {
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
  if (batch.length > 0) {
    yield batch
  }
}
