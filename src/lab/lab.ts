import type { Region } from '../config/region.ts'
import { calmExperiment, type Experiment, experimentText, readExperiment } from './experiment.ts'
import type { Recorder } from './recorder.ts'
import { sleep, wallMs } from './time.ts'
import type { Limits, OperationKind, Tick, ToldRegion } from './told.ts'

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

/** What is tried out, and which region leads meanwhile. */
export interface Scene {
  readonly experiment: Experiment
  readonly leader: string
  /** Which of the keyspace's objects leads: its replica in a region, or its own. */
  readonly promoted: Region | undefined
  /** Regions that have a replica. */
  readonly replicas: ReadonlySet<string>
}

/** Where the regions are, and their clients: on this machine, or on Cloudflare. */
export interface Stage {
  readonly keyspace: string
  readonly recorder: Recorder
  readonly limits: Limits
  /** Asks the deployment's API. */
  api(path: string, init: RequestInit): Promise<Response>
  startClients(): void
  stopClients(): void
  /** Operations a second. */
  setRates(region: string, rates: Readonly<Record<OperationKind, number>>): void
  /** One write, of a client there. Resolves to its revision, or 0 where it failed. */
  write(region: string): Promise<number>
  /** Cuts off, slows and stops. Answers what has happened, in words. */
  arrange(scene: Scene): Promise<readonly string[]>
  /** The object that leads loses its memory, as at a crash of its process; the next call makes it anew. */
  crashLeader(scene: Scene): void
  told(region: string, scene: Scene): Pick<ToldRegion, 'isRunning' | 'messages' | 'roundTrip'>
  /** To that time all is known of what the clients there have seen. */
  knownTo(region: string): number
  readonly clockMs: number
}

/** A keyspace with its leader in one region and replicas in the others, clients in each, and what is tried with them. */
export class Lab {
  readonly #stage: Stage
  readonly #names: readonly Region[]
  #experiment: Experiment
  #leader: string
  /** Of the leader's object, where that is a replica's. */
  #promoted: Region | undefined
  readonly #replicas = new Set<string>()
  #events: string[] = []
  #changing: Promise<void> = Promise.resolve()
  #change = 0

  constructor(stage: Stage, names: readonly Region[]) {
    this.#stage = stage
    this.#names = names
    this.#experiment = calmExperiment(names)
    this.#leader = this.#experiment.leader
  }

  get experiment(): string {
    return experimentText(this.#experiment)
  }

  /** Makes the keyspace and its replicas, by the API that everybody has. What is asked for meanwhile is done then. */
  async start(): Promise<void> {
    const begun = this.#begin()
    this.#changing = begun.catch(() => undefined)
    this.change(this.experiment)
    await begun
  }

  async #begin(): Promise<void> {
    await this.#ask('/keyspaces', { name: this.#stage.keyspace, locationHint: this.#leader })
    // Whoever asks a gateway before there are replicas learns of them half a minute later.
    await Promise.all(this.#others().map((region) => this.#addReplica(region)))
    this.#stage.startClients()
  }

  async stop(): Promise<void> {
    this.#change++
    this.#stage.stopClients()
    await this.#changing
  }

  /** Begins another experiment; what takes time goes on by itself. */
  change(text: string): void {
    const wanted = readExperiment(text, this.#names, this.#stage.limits)
    this.#experiment = wanted
    const change = ++this.#change
    for (const region of this.#names) {
      this.#stage.setRates(region, {
        write: wanted.writes[region] ?? 0,
        linearizable: wanted.reads,
        serializable: wanted.reads,
      })
    }
    this.#changing = this.#changing.then(() => this.#realise(wanted, change))
  }

  write(region: string): Promise<number> {
    return this.#stage.write(region)
  }

  crashLeader(): void {
    this.#stage.crashLeader(this.scene)
    this.#tell(`the leader in ${this.#leader} has crashed, and comes back with the next call`)
  }

  tick(): Tick {
    const { recorder, clockMs } = this.#stage
    const told = (region: string): ToldRegion => ({
      role: this.#roleOf(region),
      ...this.#stage.told(region, this.scene),
      ...recorder.lagOf(region, this.#stage.knownTo(region)),
    })
    const events = this.#events
    this.#events = []
    return {
      time: Date.now(),
      experiment: this.experiment,
      revision: recorder.acknowledged,
      regions: Object.fromEntries(this.#names.map((region) => [region, told(region)])),
      ...recorder.take(),
      events,
      totals: recorder.totals,
      passedOver: recorder.fork.region,
      clockMs,
    }
  }

  get scene(): Scene {
    return {
      experiment: this.#experiment,
      leader: this.#leader,
      promoted: this.#promoted,
      replicas: this.#replicas,
    }
  }

  #roleOf(region: string): ToldRegion['role'] {
    if (region === this.#leader) {
      return 'leader'
    }
    return this.#replicas.has(region) ? 'replica' : 'none'
  }

  #others(): readonly Region[] {
    return this.#names.filter((region) => region !== this.#leader)
  }

  async #realise(wanted: Experiment, change: number): Promise<void> {
    for (let isDone = false; !isDone && change === this.#change;) {
      try {
        await this.#arrange(wanted)
        await this.#placeLeader(wanted)
        isDone = true
      } catch (error) {
        this.#tell(error instanceof Error ? error.message : String(error))
        await sleep(RETRY_MS)
      }
    }
  }

  async #arrange(experiment: Experiment): Promise<void> {
    const events = await this.#stage.arrange({ ...this.scene, experiment })
    events.forEach((event) => this.#tell(event))
  }

  /** Where the one that leads cannot be reached, what only it has is lost. */
  async #placeLeader({ leader, cut, stopped }: Experiment): Promise<void> {
    const former = this.#leader
    const isAway = (region: string): boolean => cut.includes(region) || stopped.includes(region)
    if (leader !== former) {
      await this.#move(leader, isAway(former))
      await this.#arrange(this.#experiment)
    }
    const missing = this.#others().filter((region) => !this.#replicas.has(region))
    await Promise.all(
      missing.filter((region) => !isAway(region)).map((region) => this.#addReplica(region)),
    )
  }

  async #move(leader: string, force: boolean): Promise<void> {
    this.#tell(`${leader} is to lead${force ? ', though the leader cannot be reached' : ''}`)
    const { keyspace, recorder } = this.#stage
    const time = wallMs()
    const text = await this.#ask(`/keyspaces/${keyspace}/leader`, { region: leader, force })
    const { revision, isWhole } = JSON.parse(text) as Promoted
    const lost = isWhole ? 0 : recorder.forked(revision, { time, region: this.#leader })
    this.#leader = leader
    this.#promoted = this.#names.find((name) => name === leader)
    this.#replicas.delete(leader)
    this.#tell(
      `${leader} leads, from revision ${revision} on${lost > 0 ? `; ${lost} are lost` : ''}`,
    )
  }

  async #addReplica(region: string): Promise<void> {
    await this.#ask(`/keyspaces/${this.#stage.keyspace}/replicas`, { region }, IS_THERE)
    // While it copies, it passes on what it is asked: the answer is another member's.
    while (!(await this.#answersItself(region))) {
      await sleep(COPYING_MS)
    }
    this.#replicas.add(region)
    if (region === this.#stage.recorder.fork.region) {
      this.#stage.recorder.joined()
    }
    this.#tell(`${region} has a replica`)
  }

  async #answersItself(region: string): Promise<boolean> {
    const { keyspace } = this.#stage
    const path = (place: string): string => `/keyspaces/${keyspace}${place}/v3/kv/range`
    const read = { key: btoa(keyspace), serializable: true }
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
    const response = await this.#stage.api(path, asked)
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
