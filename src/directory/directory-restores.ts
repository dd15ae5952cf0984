import type { KeyspaceOptions } from '../config/keyspace-options.ts'
import {
  isRefused,
  type RecoveryProgress,
  type Refused,
  type RestoreTotal,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import type { KeyspaceAddress, KeyspaceEntry } from './directory-rpc.ts'
import { creationOf, isRestoring, persevering, refusal, unfinished } from './directory-steps.ts'
import type { KeyspaceTable } from './keyspace-table.ts'

/** After so long without an entry a restore has lost its client. */
const IDLE_MS_MAX = 60_000

/** What the directory does to any keyspace. */
interface Ways {
  readonly shard: (keyspace: Pick<KeyspaceEntry, 'name' | 'options'>) => ShardRpc
  /** One thing after the other is done to a keyspace. */
  readonly after: (name: string, act: () => Promise<void>) => Promise<void>
  readonly bringOn: (name: string) => Promise<void>
}

/**
 * Keyspaces that are made from files of etcd's. The shard's row of its keyspace is what makes it one; the
 * directory learns of it by the answer, or when it looks after the restore.
 */
export class Restores {
  readonly #keyspaces: KeyspaceTable
  readonly #ways: Ways

  constructor(keyspaces: KeyspaceTable, ways: Ways) {
    this.#keyspaces = keyspaces
    this.#ways = ways
  }

  async begin(
    name: string,
    options: KeyspaceOptions,
    source: string | null,
  ): Promise<{ id: string } | Refused> {
    const before = this.#keyspaces.get(name)
    if (before !== undefined && !isRestoring(before)) {
      return refusal(statusOf('keyspace-exists'))
    }
    const id = crypto.randomUUID()
    try {
      await this.#giveUp(name)
      await this.#ways.after(name, async () => {
        const between = this.#keyspaces.get(name)
        if (between !== undefined) {
          throw statusOf(isRestoring(between) ? 'keyspace-restoring' : 'keyspace-exists')
        }
        this.#keyspaces.beginCreation(name, options, Date.now(), id)
        await persevering(() => this.#ways.shard({ name, options }).beginRestore(id, source))
      })
    } catch (error) {
      return refusal(error instanceof RpcStatus ? error : unfinished(name, error))
    }
    return { id }
  }

  find(name: string, id: string): Promise<KeyspaceAddress | Refused> {
    const entry = this.#keyspaces.get(name)
    return Promise.resolve(
      entry?.restore === id && entry.state === 'creating'
        ? { name, jurisdiction: entry.options.jurisdiction }
        : refusal(statusOf('restore-not-found')),
    )
  }

  async commit(name: string, id: string, total: RestoreTotal): Promise<KeyspaceEntry | Refused> {
    let refused: Refused | undefined
    try {
      await this.#ways.after(name, async () => {
        const entry = this.#keyspaces.get(name)
        if (entry?.restore === id && entry.state === 'creating') {
          const creation = creationOf(entry)
          const answer = await persevering(() =>
            this.#ways.shard(entry).commitRestore(id, total, creation),
          )
          refused = isRefused(answer) ? answer : undefined
          if (answer === 'ready') {
            this.#keyspaces.endCreation(name)
          }
        }
      })
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    const entry = this.#keyspaces.get(name)
    const isOther = entry?.restore !== id || entry.state === 'deleting'
    return refused ?? (isOther ? refusal(statusOf('restore-not-found')) : entry)
  }

  async advance(name: string, id: string): Promise<RecoveryProgress | Refused> {
    let answer: RecoveryProgress | Refused = refusal(statusOf('restore-not-found'))
    try {
      await this.#ways.after(name, async () => {
        const entry = this.#keyspaces.get(name)
        if (entry?.restore === id && entry.state !== 'deleting') {
          answer = await persevering(() =>
            this.#ways.shard(entry).advanceRestore(id, creationOf(entry)),
          )
          this.#made(name, answer)
        }
      })
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    return answer
  }

  /** Options that were not given are those of the source. */
  #made(name: string, answer: RecoveryProgress | Refused): void {
    if (!isRefused(answer) && answer.state === 'ready') {
      this.#keyspaces.endRestore(name, answer.options ?? {})
    }
  }

  async cancel(name: string, id: string): Promise<Refused | undefined> {
    if (isRefused(await this.find(name, id))) {
      return refusal(statusOf('restore-not-found'))
    }
    try {
      await this.#giveUp(name)
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    return undefined
  }

  /** What is being restored under the name is gone afterwards. */
  async #giveUp(name: string): Promise<void> {
    const entry = this.#keyspaces.get(name)
    if (entry !== undefined && isRestoring(entry)) {
      this.#keyspaces.beginDeletion(name)
      await this.#ways.bringOn(name)
    }
  }

  /** A restore whose client has left is given up; one whose last answer was lost is a keyspace. */
  async lookAfter(entry: KeyspaceEntry, id: string): Promise<void> {
    const { name } = entry
    const idle = await this.#ways.shard(entry).restoreIdle(id, creationOf(entry))
    if (idle === 'ready') {
      this.#made(name, await this.#ways.shard(entry).advanceRestore(id, creationOf(entry)))
    } else if (idle === 'none' || idle > IDLE_MS_MAX) {
      this.#keyspaces.beginDeletion(name)
      await persevering(() => this.#ways.shard(entry).destroy())
      this.#keyspaces.endDeletion(name)
    }
  }
}
