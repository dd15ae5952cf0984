// The lab as `npm run lab` runs it: a process of its own, on free ports.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tick } from '../../src/lab/told.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'start.js')

interface ToldReplicas {
  readonly replicas: readonly { readonly region: string; readonly state: string }[]
}

export class LabProcess {
  readonly #child: ChildProcess
  /** Of the page, such as `http://127.0.0.1:40123/lab/`. */
  readonly page: string
  /** Of each region's clients. */
  readonly urls: ReadonlyMap<string, string>

  /** The first region leads. */
  static async start(regions: readonly string[], rtt = ''): Promise<LabProcess> {
    const flags = [`--regions=${regions.join(',')}`, '--listen-url=http://127.0.0.1:0']
    const child = spawn(process.execPath, [main, 'lab', ...flags, `--rtt=${rtt}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let page = ''
    const urls = new Map<string, string>()
    for await (const line of createInterface({ input: child.stdout })) {
      page = /^The lab is at (\S+)$/.exec(line)?.[1] ?? page
      const [, region, url] = /^ {2}(\w+) +etcdctl --endpoints (\S+)/.exec(line) ?? []
      if (region !== undefined && url !== undefined) {
        urls.set(region, url)
      }
      if (urls.size === regions.length) {
        return new LabProcess(child, page, urls)
      }
    }
    throw new Error('the lab has ended')
  }

  private constructor(child: ChildProcess, page: string, urls: ReadonlyMap<string, string>) {
    this.#child = child
    this.page = page
    this.urls = urls
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  url(region: string): string {
    return this.urls.get(region) ?? ''
  }

  /** The link's text of it. */
  async change(experiment: string): Promise<void> {
    await fetch(`${this.page}experiment`, { method: 'POST', body: experiment })
  }

  /** Asks the deployment's API. */
  async ask(method: string, path: string, body?: object): Promise<unknown> {
    const { origin } = new URL(this.page)
    const headers = { 'Content-Type': 'application/json' }
    const asked = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    const response = await fetch(`${origin}${path}`, { method, ...asked })
    const text = await response.text()
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${text}`)
    }
    return text === '' ? undefined : JSON.parse(text)
  }

  /** Until a replica stands in each other region. */
  async whole(): Promise<void> {
    for (let count = 0; count < this.urls.size - 1; await sleep(50)) {
      const { replicas } = (await this.ask('GET', '/keyspaces/lab/replicas')) as ToldReplicas
      count = replicas.filter(({ state }) => !['adding', 'unknown'].includes(state)).length
    }
  }

  /** What a page is told next. */
  async tick(): Promise<Tick> {
    const response = await fetch(`${this.page}events`)
    let text = ''
    // Leaving the loop cancels the stream.
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString()
      const [, data] = /event: tick\ndata: (.*)\n\n/.exec(text) ?? []
      if (data !== undefined) {
        return JSON.parse(data) as Tick
      }
    }
    throw new Error('the lab has ended')
  }

  /** SIGTERM; rejects where the exit code is not 0. */
  async stop(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    const [code] = (await closed) as [number | null]
    if (code !== 0) {
      throw new Error(`the lab ended with ${code}`)
    }
  }
}
