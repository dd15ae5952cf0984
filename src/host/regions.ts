import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConnectionLost } from './connection-lost.ts'
import { Host, type HostOptions } from './host.ts'
import { Line, type LineEnd } from './line.ts'
import type { Elsewhere, Sought } from './namespace.ts'
import { type Reached, RemoteActor } from './remote-actor.ts'
import type { WorkerResponse } from './response.ts'

export interface RegionsOptions {
  /** Each with the options of its host; names are location hints. */
  readonly regions: ReadonlyMap<string, RegionOptions>
  /** The round trip between two of them, in milliseconds. */
  readonly rttMs: (a: string, b: string) => number
  /** How long a connection stands that hears nothing of its other end, as TCP gives up some day. */
  readonly lostMs: number
}

export interface RegionOptions {
  readonly host: Omit<HostOptions, 'region'>
  /** `request.cf` of what comes in there. */
  readonly cf: object
}

interface Region {
  readonly host: HostOptions
  /** Undefined while it is stopped. */
  running: Host | undefined
  isCutOff: boolean
}

const SUFFIX = '.sqlite'

/**
 * Several hosts in this process, as far from one another as regions are. An object is made in the region
 * that the first one to ask for it names, else in that one's own, and stays there.
 */
export class Regions {
  readonly #regions = new Map<string, Region>()
  readonly #lines = new Map<string, Line>()
  /** Which region an object is in, by namespace and id. */
  readonly #places = new Map<string, string>()

  static async open({ regions, rttMs, lostMs }: RegionsOptions): Promise<Regions> {
    const all = new Regions()
    for (const [name, { host, cf }] of regions) {
      for (const other of all.#regions.keys()) {
        all.#lines.set(pair(name, other), new Line(rttMs(name, other), lostMs))
      }
      const elsewhere: Elsewhere = (sought, here) => all.#reach(name, sought, here)
      all.#regions.set(name, {
        host: { ...host, region: { cf, elsewhere } },
        running: undefined,
        isCutOff: false,
      })
      all.#find(name, host)
    }
    for (const name of regions.keys()) {
      await all.start(name)
    }
    return all
  }

  get names(): readonly string[] {
    return [...this.#regions.keys()]
  }

  /** Between two of them. */
  line(a: string, b: string): Line {
    const line = this.#lines.get(pair(a, b))
    if (line === undefined) {
      throw new Error(`no line between ${a} and ${b}`)
    }
    return line
  }

  /** How many messages have left one region for the other. */
  sent(from: string, to: string): number {
    return this.line(from, to).sent[from < to ? 0 : 1]
  }

  /** All that end in a region, with the region at their other end. */
  linesOf(name: string): readonly (readonly [string, Line])[] {
    return this.names
      .filter((other) => other !== name)
      .map((other) => [other, this.line(name, other)])
  }

  isRunning(name: string): boolean {
    return this.#region(name).running !== undefined
  }

  /** Asks the Worker of a region, as a client does that is there. Rejects with ConnectionLost where it is stopped. */
  async fetch(name: string, request: Request): Promise<WorkerResponse> {
    return this.host(name).fetch(request)
  }

  /** Throws ConnectionLost while it is stopped. */
  host(name: string): Host {
    const { running } = this.#region(name)
    if (running === undefined) {
      throw new ConnectionLost()
    }
    return running
  }

  /** All that the region has in memory is lost, and nothing reaches it until it is started. */
  crash(name: string): void {
    const region = this.#region(name)
    const { running } = region
    region.running = undefined
    this.#setLines(name)
    running?.crash()
  }

  async start(name: string): Promise<void> {
    const region = this.#region(name)
    region.running ??= await Host.open(region.host)
    this.#setLines(name)
  }

  isCutOff(name: string): boolean {
    return this.#region(name).isCutOff
  }

  /** Nothing passes between the region and all others. */
  cutOff(name: string, isCutOff: boolean): void {
    this.#region(name).isCutOff = isCutOff
    this.#setLines(name)
  }

  #setLines(name: string): void {
    for (const [other, line] of this.linesOf(name)) {
      const ends = [this.#region(name), this.#region(other)]
      if (ends.some(({ isCutOff, running }) => isCutOff || running === undefined)) {
        line.cut()
      } else {
        line.heal()
      }
    }
  }

  /** Loses one object, wherever it is, with what it has in memory. */
  crashObject(hex: string): void {
    this.#regions.forEach(({ running }) => running?.crashObject(hex))
  }

  stop(): void {
    this.#lines.forEach((line) => line.end())
    this.#regions.forEach(({ running }) => running?.stop())
  }

  #region(name: string): Region {
    const region = this.#regions.get(name)
    if (region === undefined) {
      throw new Error(`no region ${name}`)
    }
    return region
  }

  /** Objects that an earlier process has made there. */
  #find(name: string, { storage, namespaces }: RegionOptions['host']): void {
    for (const { uniqueKey } of namespaces) {
      const directory = join(storage, uniqueKey)
      const files = existsSync(directory) ? readdirSync(directory) : []
      for (const file of files.filter((one) => one.endsWith(SUFFIX))) {
        this.#places.set(`${uniqueKey}/${file.slice(0, -SUFFIX.length)}`, name)
      }
    }
  }

  #reach(asker: string, sought: Sought, here: () => Reached): () => Reached {
    const { uniqueKey, hex, hint } = sought
    const key = `${uniqueKey}/${hex}`
    const place =
      this.#places.get(key) ?? (this.#regions.has(hint ?? '') ? hint : undefined) ?? asker
    this.#places.set(key, place)
    if (place === asker) {
      return here
    }
    const end: LineEnd = asker < place ? 0 : 1
    const remote = new RemoteActor(
      () => this.host(place).reached(sought),
      this.line(asker, place),
      end,
    )
    return () => remote
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}
