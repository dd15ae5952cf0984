import { setTimeout as sleep } from 'node:timers/promises'
import type { Region } from '../config/region.ts'
import type { Regions } from '../host/regions.ts'
import { LabClient } from './client.ts'
import { calmExperiment, type Experiment, experimentText, readExperiment } from './experiment.ts'
import type { RoundTrips } from './places.ts'
import { Recorder } from './recorder.ts'
import type { Tick, ToldRegion } from './told.ts'

export const LAB_KEYSPACE = 'lab'

/** What the page is told of what has happened. */
const EVENTS_MAX = 50
const COPYING_MS = 50
/** How long one step of the experiment is tried, where its way is cut. */
const RETRY_MS = 1_000

/** What the API says to a replica that is there already. */
const IS_THERE = 409

interface Answered {
  readonly header: { readonly member_id: string }
}

/** Of the API's answer when another one leads. */
interface Promoted {
  readonly revision: number
  readonly isWhole: boolean
}

/** Where the directory of keyspaces is: by itself, so that no experiment takes it away. */
export const HOME = 'home'

export interface LabOptions {
  /** The named ones, and `HOME`. */
  readonly regions: Regions
  readonly names: readonly Region[]
  readonly roundTrips: RoundTrips
  /** The id of the object that leads: the keyspace's own, or its replica in a region. */
  readonly leaderId: (region: Region | undefined) => string
}

/** A keyspace with its leader in one region and replicas in the others, clients in each, and what is tried with them. */
export class Lab {
  readonly recorder = new Recorder()
  readonly #options: LabOptions
  readonly #clients: ReadonlyMap<string, LabClient>
  #experiment: Experiment
  #leader: string
  /** Of the leader's object, where that is a replica's. */
  #promoted: Region | undefined
  readonly #replicas = new Set<string>()
  #events: string[] = []
  #changing: Promise<void> = Promise.resolve()
  #change = 0

  constructor(options: LabOptions) {
    this.#options = options
    const { regions, names } = options
    this.#experiment = { ...calmExperiment(names), writes: {}, reads: 0 }
    this.#leader = this.#experiment.leader
    this.#clients = new Map(
      names.map((region) => [
        region,
        new LabClient({
          region,
          keyspace: LAB_KEYSPACE,
          ask: (request) => regions.fetch(region, request),
          recorder: this.recorder,
        }),
      ]),
    )
  }

  get experiment(): string {
    return experimentText(this.#experiment)
  }

  /** Makes the keyspace and its replicas, by the API that everybody has. */
  async start(): Promise<void> {
    await this.#ask('/keyspaces', { name: LAB_KEYSPACE, locationHint: this.#leader })
    // Whoever asks a gateway before there are replicas learns of them half a minute later.
    await Promise.all(this.#others().map((region) => this.#addReplica(region)))
    this.#clients.forEach((client) => client.start())
    this.change(experimentText(calmExperiment(this.#options.names)))
  }

  async stop(): Promise<void> {
    this.#change++
    this.#clients.forEach((client) => client.stop())
    await this.#changing
  }

  /** Begins another experiment; what takes time goes on by itself. */
  change(text: string): void {
    const wanted = readExperiment(text, this.#options.names)
    this.#experiment = wanted
    const change = ++this.#change
    this.#clients.forEach((client, region) => {
      client.rates.write = wanted.writes[region] ?? 0
      client.rates.linearizable = wanted.reads
      client.rates.serializable = wanted.reads
    })
    this.#changing = this.#changing.then(() => this.#realise(wanted, change))
  }

  /** One write, of a client there. Resolves to its revision, or 0 where it failed. */
  write(region: string): Promise<number> {
    return this.#clients.get(region)?.operate('write') ?? Promise.resolve(0)
  }

  /** The object that leads loses its memory, as at a crash of its process; the next call makes it anew. */
  crashLeader(): void {
    const { regions, leaderId } = this.#options
    regions.crashObject(leaderId(this.#promoted))
    this.#tell(`the leader in ${this.#leader} has crashed, and comes back with the next call`)
  }

  /** The deployment's own API, as administrators have it. */
  api(request: Request): Promise<Response> {
    return this.#options.regions.fetch(HOME, request)
  }

  tick(): Tick {
    const { regions, names } = this.#options
    const told = (region: string): ToldRegion => ({
      role: this.#roleOf(region),
      isRunning: regions.isRunning(region),
      ...this.recorder.lagOf(region),
      messages: region === this.#leader ? 0 : regions.sent(this.#leader, region),
    })
    const events = this.#events
    this.#events = []
    return {
      time: Date.now(),
      experiment: this.experiment,
      revision: this.recorder.acknowledged,
      regions: Object.fromEntries(names.map((region) => [region, told(region)])),
      ...this.recorder.take(),
      events,
      totals: this.recorder.totals,
    }
  }

  #roleOf(region: string): ToldRegion['role'] {
    if (region === this.#leader) {
      return 'leader'
    }
    return this.#replicas.has(region) ? 'replica' : 'none'
  }

  #others(): readonly Region[] {
    return this.#options.names.filter((region) => region !== this.#leader)
  }

  async #realise(wanted: Experiment, change: number): Promise<void> {
    await this.#setDistances(wanted)
    for (let isDone = false; !isDone && change === this.#change;) {
      try {
        await this.#placeLeader(wanted)
        isDone = true
      } catch (error) {
        this.#tell(error instanceof Error ? error.message : String(error))
        await sleep(RETRY_MS)
      }
    }
  }

  async #setDistances({ cut, stopped, slow }: Experiment): Promise<void> {
    const { regions, names, roundTrips } = this.#options
    for (const region of names) {
      if (cut.includes(region) !== regions.isCutOff(region)) {
        regions.cutOff(region, cut.includes(region))
        this.#tell(cut.includes(region) ? `${region} is cut off` : `${region} is reached again`)
      }
      if (stopped.includes(region) && regions.isRunning(region)) {
        regions.crash(region)
        this.#tell(`${region} is down`)
      } else if (!stopped.includes(region) && !regions.isRunning(region)) {
        await regions.start(region)
        this.#tell(`${region} is up again`)
      }
      for (const other of names.slice(names.indexOf(region) + 1)) {
        const ms = roundTrips(region, other) + (slow[region] ?? 0) + (slow[other] ?? 0)
        regions.line(region, other).rttMs = ms
      }
    }
  }

  /** Where the one that leads cannot be reached, what only it has is lost. */
  async #placeLeader({ leader, cut, stopped }: Experiment): Promise<void> {
    const former = this.#leader
    const isAway = (region: string): boolean => cut.includes(region) || stopped.includes(region)
    if (leader !== former) {
      await this.#move(leader, isAway(former))
    }
    const missing = this.#others().filter((region) => !this.#replicas.has(region))
    await Promise.all(
      missing.filter((region) => !isAway(region)).map((region) => this.#addReplica(region)),
    )
  }

  async #move(leader: string, force: boolean): Promise<void> {
    this.#tell(`${leader} is to lead${force ? ', though the leader cannot be reached' : ''}`)
    const before = this.recorder.acknowledged
    const text = await this.#ask(`/keyspaces/${LAB_KEYSPACE}/leader`, { region: leader, force })
    const { revision, isWhole } = JSON.parse(text) as Promoted
    const lost = isWhole ? 0 : this.recorder.lostBehind(revision, before)
    this.#leader = leader
    this.#promoted = this.#options.names.find((name) => name === leader)
    this.#replicas.delete(leader)
    this.#tell(
      `${leader} leads, from revision ${revision} on${lost > 0 ? `; ${lost} are lost` : ''}`,
    )
  }

  async #addReplica(region: string): Promise<void> {
    await this.#ask(`/keyspaces/${LAB_KEYSPACE}/replicas`, { region }, IS_THERE)
    // While it copies, it passes on what it is asked: the answer is another member's.
    while (!(await this.#answersItself(region))) {
      await sleep(COPYING_MS)
    }
    this.#replicas.add(region)
    this.#tell(`${region} has a replica`)
  }

  async #answersItself(region: string): Promise<boolean> {
    const path = (place: string): string => `/keyspaces/${LAB_KEYSPACE}${place}/v3/kv/range`
    const read = { key: btoa(LAB_KEYSPACE), serializable: true }
    const members = await Promise.all(
      ['', `@${region}`].map(async (place) => {
        const { header } = JSON.parse(await this.#ask(path(place), read)) as Answered
        return header.member_id
      }),
    )
    return members[0] !== members[1]
  }

  /** Asks the deployment. */
  async #ask(path: string, body: object, alsoFine = 200): Promise<string> {
    const headers = { 'Content-Type': 'application/json' }
    const asked = { method: 'POST', headers, body: JSON.stringify(body) }
    const request = new Request(`http://lab${path}`, asked)
    const response = await this.#options.regions.fetch(HOME, request)
    const text = await response.text()
    if (response.status >= 300 && response.status !== alsoFine) {
      throw new Error(`${path}: ${response.status} ${text.trim()}`)
    }
    return text
  }

  #tell(event: string): void {
    this.#events.push(event)
    this.#events = this.#events.slice(-EVENTS_MAX)
  }
}
