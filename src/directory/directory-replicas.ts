import { isRegion, type Region } from '../config/region.ts'
import { leaderStub, replicaStub } from '../protocol/object-address.ts'
import type {
  HandedOver,
  LeadershipRpc,
  ReplicaReport,
  ReplicaRpc,
  ReplicaStatuses,
} from '../protocol/replica-rpc.ts'
import {
  type ChangedOptions,
  isRefused,
  type Refused,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import type {
  KeyspaceAddress,
  KeyspaceEntry,
  KeyspaceReplicas,
  Promoted,
  ReplicaEntry,
  WantedLeader,
} from './directory-rpc.ts'
import { isRestoring, persevering, refusal, unfinished } from './directory-steps.ts'
import type { ReplicaTable } from './replica-table.ts'

/** How long a leader or a replica may take to answer where one can go on without. */
const ANSWER_MS_MAX = 5_000

type LeaderObject = ShardRpc & LeadershipRpc
type ReplicaObject = ReplicaRpc & Pick<ShardRpc, 'revokeAdministrator'>

/** What the directory does to any keyspace. */
interface Ways {
  readonly env: () => Pick<Env, 'SHARD' | 'REPLICA'>
  readonly keyspace: (name: string) => KeyspaceEntry | undefined
  /** One thing after the other is done to a keyspace. */
  readonly after: (name: string, act: () => Promise<void>) => Promise<void>
}

/**
 * The replicas of keyspaces, and the moves of their leaders. Each step is recorded first and may be taken twice;
 * the directory's alarm takes those that are left.
 */
export class Replicas {
  readonly #table: ReplicaTable
  readonly #ways: Ways

  constructor(table: ReplicaTable, ways: Ways) {
    this.#table = table
    this.#ways = ways
  }

  address({ name, options }: KeyspaceEntry): KeyspaceAddress {
    const { jurisdiction, locationHint } = options
    const replicas = this.#serving(name).map(({ region }) => region)
    const { leader, epoch } = this.#table.leadership(name)
    const hint = locationHint?.replace(/^apac-.*/, 'apac')
    const near = leader ?? (hint !== undefined && isRegion(hint) ? hint : undefined)
    return { name, jurisdiction, leader, epoch, near, replicas }
  }

  /** Throws an RpcStatus where the leader refuses. */
  async configure(entry: KeyspaceEntry, changed: ChangedOptions): Promise<void> {
    requireAnswer(await persevering(() => this.#leader(entry).configure(changed)))
  }

  unfinished(limit: number): readonly string[] {
    return this.#table.unfinished(limit)
  }

  add(name: string, region: Region): Promise<ReplicaEntry | Refused> {
    return this.#done(name, async (entry) => {
      const before = this.#table.get(name, region)
      if (this.#table.leadership(name).leader === region) {
        throw statusOf('replica-leads')
      }
      if (before !== undefined && before.state !== 'adding') {
        throw statusOf('replica-exists')
      }
      this.#table.add(name, region, before?.added ?? Date.now())
      await this.#tell(entry, region)
      return this.#known(name, region)
    })
  }

  async remove(name: string, region: Region): Promise<Refused | undefined> {
    const answer = await this.#done(name, async (entry) => {
      if (this.#table.leadership(name).leader === region) {
        throw statusOf('replica-leads')
      }
      this.#known(name, region)
      this.#table.beginRemoval(name, region)
      await this.#remove(entry, region)
      return {}
    })
    return isRefused(answer) ? answer : undefined
  }

  async describe(name: string): Promise<KeyspaceReplicas | Refused> {
    const entry = this.#ready(name)
    if (entry === undefined) {
      return refusal(statusOf('keyspace-not-found'))
    }
    const { leader, epoch, successor } = this.#table.leadership(name)
    const said = await answered(() => this.#leader(entry).replicas())
    const statuses: ReplicaStatuses | undefined = isRefused(said) ? undefined : said
    return {
      leader,
      epoch,
      revision: statuses?.revision,
      successor: successor?.region,
      replicas: this.#table.list(name).map((replica) => ({
        ...replica,
        status: statuses?.replicas.find(({ region }) => region === replica.region),
      })),
    }
  }

  promote(name: string, { region, force }: WantedLeader): Promise<Promoted | Refused> {
    return this.#done(name, async (entry) => {
      const { leader, successor } = this.#table.leadership(name)
      const wanted = region ?? successor?.region ?? (await this.#furthest(entry)).region
      if (successor === undefined && wanted === leader) {
        throw statusOf('replica-leads')
      }
      if (successor !== undefined && wanted !== successor.region && !force) {
        throw statusOf('keyspace-moving')
      }
      const state = this.#known(name, wanted).state
      if (state === 'adding' || state === 'removing') {
        throw statusOf('replica-behind')
      }
      this.#table.beginMove(name, wanted, force)
      return this.#move(entry)
    })
  }

  /** Takes the steps that are left. Rejects where one of them failed. */
  async bringOn(entry: KeyspaceEntry): Promise<void> {
    const { name } = entry
    if (this.#table.leadership(name).successor !== undefined) {
      await this.#move(entry)
    }
    const left = this.#table.list(name).filter(({ state }) => state !== 'ready')
    const steps = left.map(({ region, state }) =>
      state === 'removing' ? this.#remove(entry, region) : this.#tell(entry, region),
    )
    // Whoever cannot be reached is in nobody's way.
    const all = [this.#tellFormer(entry), ...steps]
    const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') {
      throw failed.reason
    }
  }

  /** Of a keyspace that is deleted. */
  async destroyAll({ name, options: { jurisdiction } }: KeyspaceEntry): Promise<void> {
    const { leader } = this.#table.leadership(name)
    const regions = this.#table.list(name).map(({ region }) => region)
    for (const region of leader === undefined ? regions : [...regions, leader]) {
      await persevering(() => this.#replica({ name, jurisdiction }, region).destroy())
    }
  }

  forget(name: string): void {
    this.#table.forget(name)
  }

  /** All that serve the keyspace. */
  objects(address: KeyspaceAddress): readonly Pick<ShardRpc, 'revokeAdministrator'>[] {
    const { name, jurisdiction } = address
    const { leader } = this.#table.leadership(name)
    return [
      this.#leaderAt({ name, jurisdiction, leader }),
      ...this.#serving(name).map(({ region }) => this.#replica(address, region)),
    ]
  }

  #serving(name: string): readonly ReplicaEntry[] {
    return this.#table.list(name).filter(({ state }) => state === 'ready' || state === 'untold')
  }

  #ready(name: string): KeyspaceEntry | undefined {
    const entry = this.#ways.keyspace(name)
    return entry === undefined || isRestoring(entry) || entry.state !== 'ready' ? undefined : entry
  }

  /** Throws RpcStatus. */
  #known(name: string, region: Region): ReplicaEntry {
    const known = this.#table.get(name, region)
    if (known === undefined) {
      throw statusOf('replica-not-found')
    }
    return known
  }

  /** Does something to a keyspace that is ready, after what is being done. A refusal is an answer. */
  async #done<T>(name: string, act: (entry: KeyspaceEntry) => Promise<T>): Promise<T | Refused> {
    const answers: T[] = []
    try {
      await this.#ways.after(name, async () => {
        const entry = this.#ready(name)
        if (entry === undefined) {
          throw statusOf('keyspace-not-found')
        }
        answers.push(await act(entry))
      })
    } catch (error) {
      return refusal(error instanceof RpcStatus ? error : unfinished(name, error))
    }
    const [answer] = answers
    return answer ?? refusal(statusOf('keyspace-not-found'))
  }

  /** Makes a replica, or says to it who leads. */
  async #tell(entry: KeyspaceEntry, region: Region): Promise<void> {
    const { name, options } = entry
    const { jurisdiction } = options
    const charge = await persevering(() =>
      this.#leader(entry).addReplica({ keyspace: name, jurisdiction, region }),
    )
    requireAnswer(charge)
    await persevering(() => this.#replica({ name, jurisdiction }, region).beReplica(charge))
    this.#table.ready(name, region)
  }

  async #remove(entry: KeyspaceEntry, region: Region): Promise<void> {
    const { name, options } = entry
    await persevering(() => this.#leader(entry).removeReplica(region))
    await persevering(() =>
      this.#replica({ name, jurisdiction: options.jurisdiction }, region).destroy(),
    )
    this.#table.endRemoval(name, region)
  }

  /**
   * Makes the successor the leader. Nobody leads from the handing over to the promotion; what fails between is tried
   * again.
   */
  async #move(entry: KeyspaceEntry): Promise<Promoted> {
    const { name, options } = entry
    const { epoch, successor } = this.#table.leadership(name)
    if (successor === undefined) {
      throw statusOf('replica-not-found')
    }
    const { region, forced } = successor
    const address = { name, jurisdiction: options.jurisdiction }
    const handedOver = await this.#handOver(entry, { region, epoch: epoch + 1, force: forced })
    const reports = handedOver === undefined ? await this.#reports(entry) : []
    const others = reports.filter((report) => report.region !== region)
    const replicas =
      handedOver?.replicas ?? others.map((report) => ({ ...report, added: Date.now() }))
    const report = await persevering(() =>
      this.#replica(address, region).promote({
        epoch: epoch + 1,
        handedOver,
        replicas: replicas.filter((replica) => replica.region !== region),
      }),
    )
    if (isRefused(report) && handedOver === undefined) {
      this.#table.cancelMove(name)
    }
    requireAnswer(report)
    this.#table.endMove(name, handedOver === undefined, Date.now())
    try {
      await this.bringOn(entry)
    } catch (error) {
      // The alarm goes on with it: the keyspace is led.
      unfinished(name, error)
    }
    const heard = Math.max(report.revision, ...reports.map((one) => one.leaderRevision))
    return {
      region,
      epoch: epoch + 1,
      revision: report.revision,
      missing: heard - report.revision,
      isWhole: handedOver !== undefined,
    }
  }

  /** Undefined where the leader does not answer and is to be passed over. Throws RpcStatus where it refuses. */
  async #handOver(
    entry: KeyspaceEntry,
    to: { readonly region: Region; readonly epoch: number; readonly force: boolean },
  ): Promise<HandedOver | undefined> {
    const { name, options } = entry
    const { leader } = this.#table.leadership(name)
    const address = { name, jurisdiction: options.jurisdiction, leader }
    // It may be tried on when somebody else leads already, who is not to hear of it.
    const ask = (): Promise<HandedOver | Refused> => this.#leaderAt(address).handOver(to)
    const persistently = (): Promise<HandedOver | Refused> => persevering(ask)
    const answer = to.force ? await answered(persistently) : await persistently()
    if (isRefused(answer) && to.force) {
      // There is no leader where one ought to be.
      return undefined
    }
    if (isRefused(answer)) {
      this.#table.cancelMove(entry.name)
      throw new RpcStatus(answer.refused.code, answer.refused.message)
    }
    return answer
  }

  /** The keyspace's own object hears that it leads no more; a replica that did so is told as one. */
  async #tellFormer(entry: KeyspaceEntry): Promise<void> {
    const { name, options } = entry
    const { leader, epoch, former } = this.#table.leadership(name)
    if (former === undefined || leader === undefined) {
      return
    }
    if (former.leader === undefined) {
      const own = this.#leaderAt({ name, jurisdiction: options.jurisdiction })
      if (former.keeps) {
        await persevering(() => own.handOver({ region: leader, epoch, force: true }))
      } else {
        await persevering(() => own.retire())
      }
    }
    this.#table.formerTold(name)
  }

  /** The replica that has the most. Throws RpcStatus where none answers. */
  async #furthest(entry: KeyspaceEntry): Promise<ReplicaReport> {
    const [first, ...others] = (await this.#reports(entry)).filter(({ isWhole }) => isWhole)
    if (first === undefined) {
      throw statusOf('replica-none-answers')
    }
    return others.reduce((most, one) => (isFurther(one, most) ? one : most), first)
  }

  /** Of those that answer. */
  async #reports({ name, options }: KeyspaceEntry): Promise<readonly ReplicaReport[]> {
    const address = { name, jurisdiction: options.jurisdiction }
    const reports = await Promise.all(
      this.#serving(name).map(({ region }) =>
        answered(() => this.#replica(address, region).report()),
      ),
    )
    return reports.flatMap((report) => (report === undefined || isRefused(report) ? [] : [report]))
  }

  #leader({ name, options: { jurisdiction } }: KeyspaceEntry): LeaderObject {
    return this.#leaderAt({ name, jurisdiction, leader: this.#table.leadership(name).leader })
  }

  #leaderAt(address: KeyspaceAddress): LeaderObject {
    return leaderStub(this.#ways.env(), address) as unknown as LeaderObject
  }

  #replica(address: Pick<KeyspaceAddress, 'name' | 'jurisdiction'>, region: Region): ReplicaObject {
    return replicaStub(this.#ways.env(), address, region)
  }
}

function isFurther(a: ReplicaReport, b: ReplicaReport): boolean {
  return a.epoch === b.epoch ? a.revision > b.revision : a.epoch > b.epoch
}

/** Throws a refusal. */
function requireAnswer<T>(answer: T | Refused): asserts answer is T {
  if (isRefused(answer)) {
    throw new RpcStatus(answer.refused.code, answer.refused.message)
  }
}

/** Undefined where nothing is answered in time, or the platform fails: it is not there. */
async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  const late = scheduler.wait(ANSWER_MS_MAX).then(() => undefined)
  try {
    return await Promise.race([ask(), late])
  } catch (error) {
    // oxlint-disable-next-line no-console -- a Durable Object's log is its console
    console.warn(error)
    return undefined
  }
}
