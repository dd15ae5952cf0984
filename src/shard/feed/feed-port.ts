import type { Region } from '../../config/region.ts'
import { type Sql, textOf } from '../../mvcc/sql.ts'
import type {
  AddedReplica,
  FeedRefusal,
  FeedRpc,
  HandedOver,
  LeadershipRpc,
  LeaderPosition,
  Pull,
  ReplicaCharge,
  ReplicaPosition,
  ReplicaStatuses,
  Succession,
} from '../../protocol/replica-rpc.ts'
import { isRefused, type Refused } from '../../protocol/shard-rpc.ts'
import { leadershipIn, recordLeadership, replaceReplicas } from './leadership.ts'
import type { ReplicaSet } from './replica-set.ts'

const SELECT_NAMES = `
SELECT type, name FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT IN ('leadership', 'replica') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`

interface PortParts {
  readonly sql: Sql
  /** Of the keyspace that is led here; undefined where none is. */
  readonly leading: () => ReplicaSet | undefined
  /** Of one that was, and whose data is still here. */
  readonly former: () => ReplicaSet | undefined
  /** What a call is answered for which nobody leads here. */
  readonly refused: () => Refused
  /** Gives up what the object has in memory. Does not return. */
  readonly lose: () => Promise<never>
  /** Asks the directory who leads. */
  readonly find: (name: string) => Promise<{ readonly leader?: Region | undefined } | undefined>
}

/** What replicas and the directory ask an object that leads a keyspace, or did so. */
export class FeedPort implements FeedRpc, LeadershipRpc {
  readonly #parts: PortParts

  constructor(parts: PortParts) {
    this.#parts = parts
  }

  follow(replica: ReplicaPosition): Promise<LeaderPosition | FeedRefusal> {
    return Promise.resolve(this.#parts.leading()?.feed?.follow(replica) ?? this.#nobody())
  }

  async readIndex(
    replica: ReplicaPosition,
  ): Promise<(LeaderPosition & { readonly frame?: Uint8Array }) | FeedRefusal> {
    return this.#parts.leading()?.feed?.readIndex(replica) ?? this.#nobody()
  }

  async pull(wanted: Pull): Promise<{ readonly frame: Uint8Array } | FeedRefusal> {
    const replicas = this.#parts.leading() ?? this.#parts.former()
    return replicas?.feed?.pull(wanted) ?? this.#nobody()
  }

  addReplica(added: AddedReplica): Promise<ReplicaCharge | Refused> {
    return Promise.resolve(this.#parts.leading()?.add(added) ?? this.#parts.refused())
  }

  removeReplica(region: Region): Promise<void> {
    this.#parts.leading()?.remove(region)
    return Promise.resolve()
  }

  replicas(): Promise<ReplicaStatuses | Refused> {
    return Promise.resolve(this.#parts.leading()?.statuses() ?? this.#parts.refused())
  }

  async handOver(to: Succession): Promise<HandedOver | Refused> {
    const leadership = leadershipIn(this.#parts.sql)
    if (leadership?.successor !== undefined) {
      if (leadership.successor.epoch < to.epoch) {
        recordLeadership(this.#parts.sql, { ...leadership, successor: to })
      }
      return this.#parts.former()?.handedOver() ?? { revision: 0, replicas: [] }
    }
    const answer = (await this.#parts.leading()?.handOver(to)) ?? this.#parts.refused()
    return isRefused(answer) ? answer : this.#parts.lose()
  }

  async deposed(epoch: number): Promise<void> {
    const leadership = leadershipIn(this.#parts.sql)
    const isOver = leadership === undefined || leadership.successor !== undefined
    if (isOver || epoch <= leadership.epoch) {
      return
    }
    try {
      const region = (await this.#parts.find(leadership.keyspace))?.leader
      if (region !== undefined && region !== leadership.region) {
        await this.handOver({ region, epoch, force: true })
      }
    } catch (error) {
      // The next frame tries it again. To give up memory ends so too.
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.warn(error)
    }
  }

  retire(): Promise<void> {
    const { sql } = this.#parts
    if (leadershipIn(sql)?.successor !== undefined) {
      sql.transaction(() => {
        for (const [type, name] of sql.all(SELECT_NAMES)) {
          sql.run(`DROP ${textOf(type)} IF EXISTS "${textOf(name)}"`)
        }
        replaceReplicas(sql, [])
      })
    }
    return Promise.resolve()
  }

  #nobody(): FeedRefusal {
    const leadership = leadershipIn(this.#parts.sql)
    const isLed = this.#parts.leading() !== undefined
    return {
      refused: isLed ? 'removed' : 'deposed',
      epoch: leadership?.successor?.epoch ?? leadership?.epoch ?? 0,
    }
  }
}
