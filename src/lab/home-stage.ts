import type { Region } from '../config/region.ts'
import type { Regions } from '../host/regions.ts'
import { LabClient } from './client.ts'
import { homeLimits } from './experiment.ts'
import type { Scene, Stage } from './lab.ts'
import type { RoundTrips } from './places.ts'
import { Recorder } from './recorder.ts'
import { wallMs } from './time.ts'
import type { Deed, OperationKind, ToldRegion } from './told.ts'

export const LAB_KEYSPACE = 'lab'

/** Where the directory of keyspaces is: by itself, so that no experiment takes it away. */
export const HOME = 'home'

/** How each is done here. */
export const homeDeeds: Readonly<Record<Deed, string>> = {
  write: 'A client in the region writes once.',
  cut: 'Nothing passes between the region and the others.',
  slow: 'Each round trip to the region takes 200 ms longer.',
  stop: "The region's host goes down, with all that it has in memory.",
  lead: 'The leader moves to the region. Where it cannot be reached, another one leads with what it has.',
  crash: "The leader's memory is lost; the next call finds it anew.",
}

export const HOME_TRUTH =
  'The servers are the ones that are deployed; only the distance between them is made. Each page that is open shows the same lab.'

interface HomeOptions {
  /** The named ones, and `HOME`. */
  readonly regions: Regions
  readonly names: readonly Region[]
  readonly roundTrips: RoundTrips
  /** The id of the object that leads: the keyspace's own, or its replica in a region. */
  readonly leaderId: (region: Region | undefined) => string
}

/** Hosts in this process, with distances between them. */
export class HomeStage implements Stage {
  readonly keyspace = LAB_KEYSPACE
  readonly recorder = new Recorder()
  readonly limits = homeLimits
  readonly clockMs = 0
  readonly #options: HomeOptions
  readonly #clients: ReadonlyMap<string, LabClient>

  constructor(options: HomeOptions) {
    this.#options = options
    const { regions, names } = options
    this.#clients = new Map(
      names.map((region) => [
        region,
        new LabClient({
          region,
          ask: (path, init) =>
            regions.fetch(region, new Request(`http://lab/keyspaces/${LAB_KEYSPACE}${path}`, init)),
          notes: this.recorder,
        }),
      ]),
    )
  }

  api(path: string, init: RequestInit): Promise<Response> {
    return this.#options.regions.fetch(HOME, new Request(`http://lab${path}`, init))
  }

  startClients(): void {
    this.#clients.forEach((client) => client.start())
  }

  stopClients(): void {
    this.#clients.forEach((client) => client.stop())
  }

  setRates(region: string, rates: Readonly<Record<OperationKind, number>>): void {
    Object.assign(this.#clients.get(region)?.rates ?? {}, rates)
  }

  write(region: string): Promise<number> {
    return this.#clients.get(region)?.operate('write') ?? Promise.resolve(0)
  }

  crashLeader({ promoted }: Scene): void {
    const { regions, leaderId } = this.#options
    regions.crashObject(leaderId(promoted))
  }

  told(
    region: string,
    { experiment: { slow }, leader }: Scene,
  ): Pick<ToldRegion, 'isRunning' | 'messages' | 'roundTrip'> {
    const { regions, names, roundTrips } = this.#options
    const [from, to] = [region, leader].map((name) => names.find((one) => one === name))
    const more = (slow[region] ?? 0) + (slow[leader] ?? 0)
    const isApart = from !== undefined && to !== undefined && from !== to
    return {
      isRunning: regions.isRunning(region),
      messages: region === leader ? 0 : regions.sent(leader, region),
      roundTrip: isApart ? roundTrips(from, to) + more : 0,
    }
  }

  knownTo(): number {
    return wallMs()
  }

  async arrange({ experiment: { cut, stopped, slow } }: Scene): Promise<readonly string[]> {
    const { regions, names, roundTrips } = this.#options
    const events: string[] = []
    for (const region of names) {
      if (cut.includes(region) !== regions.isCutOff(region)) {
        regions.cutOff(region, cut.includes(region))
        events.push(cut.includes(region) ? `${region} is cut off` : `${region} is reached again`)
      }
      if (stopped.includes(region) && regions.isRunning(region)) {
        regions.crash(region)
        events.push(`${region} is down`)
      } else if (!stopped.includes(region) && !regions.isRunning(region)) {
        await regions.start(region)
        events.push(`${region} is up again`)
      }
      for (const other of names.slice(names.indexOf(region) + 1)) {
        const ms = roundTrips(region, other) + (slow[region] ?? 0) + (slow[other] ?? 0)
        regions.line(region, other).rttMs = ms
      }
    }
    return events
  }
}
