import type { Jurisdiction } from '../../config/keyspace-options.ts'
import type { Region } from '../../config/region.ts'
import { replicaStub } from '../../protocol/object-address.ts'
import type {
  AddedReplica,
  HandedOver,
  ReplicaCharge,
  ReplicaStatuses,
  Succession,
} from '../../protocol/replica-rpc.ts'
import type { Creation, Refused } from '../../protocol/shard-rpc.ts'
import { statusOf } from '../../protocol/status.ts'
import { randomId } from '../identity.ts'
import type { Keyspace } from '../keyspace.ts'
import { archivedOptions, workerClock } from '../replication/archived.ts'
import { refusal } from '../reply.ts'
import {
  addReplica,
  leadershipIn,
  type OwnLeadership,
  recordLeadership,
  removeReplica,
  replicasIn,
} from './leadership.ts'
import { ReplicaFeed } from './replica-feed.ts'

interface SetParts {
  readonly keyspace: Keyspace
  readonly env: Pick<Env, 'REPLICA'>
  readonly creation: Creation | undefined
  readonly keep: (work: Promise<unknown>) => void
  readonly hold: () => () => void
  readonly wakeAt: (time: number) => void
  /** Somebody else leads, in a later epoch. */
  readonly deposed: (epoch: number) => void
  /** A replica has been heard of that is whole. */
  readonly met: (region: Region) => void
  /** Nothing is written here from then on. */
  readonly fence: () => void
}

/** The replicas of a keyspace, as its leader has them. A keyspace without any has no feed either. */
export class ReplicaSet {
  readonly #parts: SetParts
  #feed: ReplicaFeed | undefined

  constructor(parts: SetParts) {
    this.#parts = parts
    if (replicasIn(parts.keyspace.sql).length > 0) {
      this.#feed = this.#newFeed()
      this.#showMembers()
    }
  }

  /** Undefined where there are no replicas. */
  get feed(): ReplicaFeed | undefined {
    return this.#feed
  }

  /** Doing it twice is doing it once. */
  add({ keyspace: name, jurisdiction, region }: AddedReplica): ReplicaCharge {
    const { keyspace, creation } = this.#parts
    const leadership = this.#leadership ?? this.#begin(name, jurisdiction)
    const memberId = randomId().toString()
    addReplica(keyspace.sql, { region, memberId, added: Date.now() })
    const known = replicasIn(keyspace.sql).find((replica) => replica.region === region)
    this.#feed ??= this.#newFeed()
    this.#feed.added(region)
    this.#showMembers()
    return {
      keyspace: name,
      jurisdiction,
      region,
      leader: leadership.region,
      epoch: leadership.epoch,
      clusterId: keyspace.identity.clusterId.toString(),
      memberId: known?.memberId ?? memberId,
      leaderId: keyspace.identity.memberId.toString(),
      creation,
    }
  }

  remove(region: Region): void {
    removeReplica(this.#parts.keyspace.sql, region)
    this.#feed?.removed(region)
    this.#showMembers()
  }

  statuses(): ReplicaStatuses {
    return {
      epoch: this.#leadership?.epoch ?? 1,
      revision: this.#parts.keyspace.store.revision,
      replicas: this.#feed?.status() ?? [],
    }
  }

  /** Records that another one leads from now on. Whoever calls gives up what the object has in memory. */
  async handOver({ region, epoch, force }: Succession): Promise<HandedOver | Refused> {
    const { keyspace } = this.#parts
    const leadership = this.#leadership
    const isKnown = replicasIn(keyspace.sql).some((one) => one.region === region)
    if (leadership === undefined || !(isKnown || force)) {
      return refusal(statusOf('replica-not-found'))
    }
    if (!force && (await this.#feed?.isNear(region)) !== true) {
      return refusal(statusOf('replica-behind'))
    }
    recordLeadership(keyspace.sql, { ...leadership, successor: { region, epoch } })
    this.#parts.fence()
    return this.handedOver()
  }

  /** What the successor is told. */
  handedOver(): HandedOver {
    const { sql, store } = this.#parts.keyspace
    const replicas = replicasIn(sql).map(({ isAwake: _, ...member }) => member)
    return { revision: store.revision, replicas }
  }

  #showMembers(): void {
    const { keyspace } = this.#parts
    const name = this.#leadership?.keyspace
    keyspace.learners = replicasIn(keyspace.sql).map(({ region, memberId }) => ({
      id: BigInt(memberId),
      name: region,
      path: `/keyspaces/${name}@${region}`,
    }))
  }

  get #leadership(): OwnLeadership | undefined {
    return leadershipIn(this.#parts.keyspace.sql)
  }

  /** The first replica that a keyspace ever has. */
  #begin(name: string, jurisdiction: Jurisdiction | undefined): OwnLeadership {
    const leadership = {
      keyspace: name,
      jurisdiction,
      region: undefined,
      epoch: 1,
      from: 0,
      former: 0,
      successor: undefined,
    }
    recordLeadership(this.#parts.keyspace.sql, leadership)
    return leadership
  }

  #newFeed(): ReplicaFeed {
    const { keyspace, env, creation, keep, hold, wakeAt, deposed, met } = this.#parts
    const leadership = (): OwnLeadership => {
      const found = this.#leadership
      if (found === undefined) {
        throw statusOf('keyspace-moved')
      }
      return found
    }
    return new ReplicaFeed({
      keyspace,
      options: archivedOptions(creation),
      leadership,
      clock: workerClock,
      random: () => crypto.randomUUID(),
      replica: (region) => {
        const { keyspace: name, jurisdiction } = leadership()
        return replicaStub(env, { name, jurisdiction }, region)
      },
      keep,
      hold,
      wakeAt,
      deposed,
      met,
    })
  }
}
