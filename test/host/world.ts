import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Limits, type Platform, type Running, startPlatform } from './platform.ts'

/** What came back instead of an answer. */
export interface Refusal {
  readonly name: string
  readonly message: string
  readonly durableObjectReset?: boolean
  readonly retryable?: boolean
}

/** The contract's Worker at work, on a directory of its own. */
export class World {
  readonly platform: Platform
  readonly directory = mkdtempSync(join(tmpdir(), 'host-contract-data-'))
  #running: Running | undefined
  #log = ''

  constructor(platform: Platform) {
    this.platform = platform
  }

  get url(): string {
    if (this.#running === undefined) {
      throw new Error('it does not run')
    }
    return this.#running.url
  }

  /** All that it has logged, of earlier runs too. */
  get log(): string {
    return this.#log + (this.#running?.log() ?? '')
  }

  async start(platform = this.platform, limits: Limits = {}): Promise<void> {
    this.#running = await startPlatform(platform, this.directory, limits)
  }

  /** A clean stop. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.stop()
    this.#log += running?.log() ?? ''
  }

  async kill9(): Promise<void> {
    await this.#running?.kill9()
    this.#running = undefined
  }

  async end(): Promise<void> {
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Runs a probe in an object, by a method call; rejects where it was refused. */
  async ask(object: string, probe: string, ...args: readonly unknown[]): Promise<unknown> {
    const answer = await this.answer(`/rpc/${object}/${probe}`, args)
    if (answer.status !== 200) {
      throw new Error(answer.text)
    }
    return JSON.parse(answer.text)
  }

  /** A probe in the Worker that calls the object. */
  async call(object: string, probe: string, ...args: readonly unknown[]): Promise<unknown> {
    const answer = await this.answer(`/caller/${object}/${probe}`, args)
    if (answer.status !== 200) {
      throw new Error(answer.text)
    }
    return JSON.parse(answer.text)
  }

  /** What is said instead of an answer. */
  async refusal(object: string, probe: string, ...args: readonly unknown[]): Promise<Refusal> {
    const answer = await this.answer(`/rpc/${object}/${probe}`, args)
    if (answer.status === 200) {
      throw new Error(`it was answered ${answer.text}`)
    }
    return JSON.parse(answer.text) as Refusal
  }

  async answer(
    path: string,
    args: readonly unknown[],
  ): Promise<{ readonly status: number; readonly text: string }> {
    const body = JSON.stringify(args)
    // What hangs says so before the test does.
    const signal = AbortSignal.timeout(20_000)
    const response = await fetch(`${this.url}${path}`, { method: 'POST', body, signal })
    return { status: response.status, text: await response.text() }
  }

  /** One statement, and the texts of its rows' first columns. */
  async column(object: string, text: string): Promise<unknown[]> {
    const rows = (await this.ask(object, 'sql', text)) as Record<string, unknown>[]
    return rows.map((row) => Object.values(row)[0])
  }
}

/** The tests of `body` on each platform; those that mostly wait do so all at once. */
export function describePlatform(
  title: string,
  body: (world: World) => void,
  { concurrent = false } = {},
): void {
  describe.each(['host', 'workerd'] as const)(`${title} on %s`, { concurrent }, (platform) => {
    const world = new World(platform)
    beforeAll(() => world.start())
    afterAll(() => world.end())
    body(world)
  })
}
