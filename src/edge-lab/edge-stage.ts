import { isRegion, type Region } from '../config/region.ts'
import type { Scene, Stage } from '../lab/lab.ts'
import { Recorder } from '../lab/recorder.ts'
import { wallMs } from '../lab/time.ts'
import type { OperationKind, ToldRegion } from '../lab/told.ts'
import type { FaultRpc } from '../protocol/fault-rpc.ts'
import { leaderStub, replicaStub } from '../protocol/object-address.ts'
import { faultOf, happened, isAway, slowOf, wayOf } from './faults.ts'
import { Judge } from './judge.ts'
import { edgeLimits, FAULT_MS } from './limits.ts'
import type { EdgeClientRpc, Order, Report } from './orders.ts'
import { OwnGateway } from './own-gateway.ts'
import { RegionClock } from './region-clock.ts'

/** What is known of the clients of a region. */
interface Heard {
  readonly clock: RegionClock
  rates: Readonly<Record<OperationKind, number>>
  /** To that time, by our clock. */
  knownTo: number
  roundTrip: number
}

/** Real regions: a Durable Object in each has clients, and the lines of the lab's own objects are cut and slowed. */
export class EdgeStage implements Stage {
  readonly keyspace: string
  readonly recorder = new Recorder()
  readonly limits = edgeLimits
  readonly #env: Env
  readonly #gateway: OwnGateway
  readonly #judge = new Judge(this.recorder)
  readonly #regions: ReadonlyMap<Region, Heard>
  /** As it was arranged last; the first region has the keyspace's own object. */
  #scene: Scene | undefined
  #toldFaults = 0
  #areClientsWorking = false
  /** Nothing is wrong, and all have heard so. */
  #isAtPeace = true

  constructor(env: Env, keyspace: string, names: readonly Region[]) {
    this.#env = env
    this.keyspace = keyspace
    this.#gateway = new OwnGateway(env)
    this.#regions = new Map(
      names.map((region) => [
        region,
        {
          clock: new RegionClock(),
          rates: { write: 0, linearizable: 0, serializable: 0 },
          knownTo: 0,
          roundTrip: 0,
        },
      ]),
    )
  }

  get clockMs(): number {
    const errors = [...this.#regions.values()].map(({ clock }) => clock.errorMs)
    const [most = 0, next = 0] = errors.toSorted((a, b) => b - a)
    return most + next
  }

  api(path: string, init: RequestInit): Promise<Response> {
    return this.#gateway.fetch(path, init)
  }

  startClients(): void {
    this.#areClientsWorking = true
  }

  stopClients(): void {
    this.#areClientsWorking = false
    for (const region of this.#regions.keys()) {
      void this.#client(region)
        .rest()
        .catch(() => undefined)
    }
  }

  setRates(region: string, rates: Readonly<Record<OperationKind, number>>): void {
    const heard = this.#heard(region)
    if (heard !== undefined) {
      heard.rates = rates
    }
  }

  async write(region: string): Promise<number> {
    if (!isRegion(region) || !this.#regions.has(region) || !this.#areClientsWorking) {
      return 0
    }
    return this.#client(region).write()
  }

  async arrange(scene: Scene): Promise<readonly string[]> {
    const events = happened(this.#scene?.experiment, scene.experiment)
    this.#scene = scene
    await this.#tellFaults(scene)
    return events
  }

  crashLeader({ promoted }: Scene): void {
    const address = { name: this.keyspace, jurisdiction: undefined, leader: promoted }
    const leader = leaderStub(this.#env, address) as unknown as FaultRpc
    // The call is lost with the object.
    void leader.crash().catch(() => undefined)
    this.#toldFaults = 0
  }

  told(region: string, { experiment }: Scene): Pick<ToldRegion, 'isRunning' | 'roundTrip'> {
    return {
      isRunning: !experiment.stopped.includes(region),
      roundTrip: this.#heard(region)?.roundTrip ?? 0,
    }
  }

  knownTo(region: string): number {
    return this.#heard(region)?.knownTo ?? 0
  }

  /** Asks all clients what they have seen. Those that do not answer are asked again the next time. */
  async beat(scene: Scene): Promise<void> {
    if (!this.#areClientsWorking) {
      return
    }
    if (this.#scene !== undefined && Date.now() - this.#toldFaults > FAULT_MS / 3) {
      void this.#tellFaults(scene)
    }
    const names = [...this.#regions.keys()]
    await Promise.allSettled(names.map((region) => this.#ask(region, scene)))
    const known = [...this.#regions.values()].map(({ knownTo }) => knownTo)
    this.#judge.judge(wallMs(), { knownTo: Math.min(...known), clockMs: this.clockMs })
  }

  async #ask(region: Region, scene: Scene): Promise<void> {
    const heard = this.#heard(region)
    if (heard === undefined) {
      return
    }
    const order: Order = {
      keyspace: this.keyspace,
      region,
      rates: heard.rates,
      way: wayOf(region, this.keyspace, scene),
      fork: this.recorder.fork,
    }
    const asked = wallMs()
    const report = await this.#client(region).work(order)
    heard.clock.heard({ asked, answered: wallMs(), told: report.now })
    heard.knownTo = heard.clock.ours(report.now)
    heard.roundTrip = report.roundTrip + (report.roundTrip > 0 ? slowOf(region, scene) : 0)
    this.#take(region, heard, report)
  }

  #take(region: Region, { clock }: Heard, { samples, sightings }: Report): void {
    for (const sample of samples) {
      const time = clock.ours(sample.time)
      if (sample.kind === 'write' && sample.revision > 0) {
        const write = { from: region, sent: time - sample.ms }
        this.recorder.written(sample.revision, write, time)
      }
      this.#judge.heard({ ...sample, region, time })
    }
    for (const { revision, write, time } of sightings) {
      const writer = this.#heard(write.from)?.clock ?? clock
      const sent = writer.ours(write.sent)
      this.recorder.seen(revision, region, { ...write, sent }, clock.ours(time))
    }
  }

  /** All objects of the keyspace hear what is wrong with their lines. One that is not reached hears it later. */
  async #tellFaults(scene: Scene): Promise<void> {
    this.#toldFaults = Date.now()
    const names = [...this.#regions.keys()]
    const [first] = names
    if (first === undefined) {
      return
    }
    const address = { name: this.keyspace, jurisdiction: undefined }
    const own = leaderStub(this.#env, address) as unknown as FaultRpc
    const until = Date.now() + FAULT_MS
    const fault = (region: Region) => faultOf(region, scene, { names, ownRegion: first, until })
    const isAtPeace = !names.some((name) => isAway(name, scene)) && slowest(scene) === 0
    const known = isAtPeace && this.#isAtPeace ? [] : names
    this.#isAtPeace = isAtPeace
    await Promise.allSettled([
      ...(known.length === 0 ? [] : [own.setFault(fault(first))]),
      ...known.map((region) =>
        (replicaStub(this.#env, address, region) as unknown as FaultRpc).setFault(fault(region)),
      ),
    ])
  }

  #heard(region: string): Heard | undefined {
    return isRegion(region) ? this.#regions.get(region) : undefined
  }

  #client(region: Region): EdgeClientRpc {
    const name = `${this.keyspace}@${region}`
    return this.#env.LAB_CLIENT.getByName(name, { locationHint: region })
  }
}

function slowest({ experiment: { slow } }: Scene): number {
  return Math.max(0, ...Object.values(slow))
}
