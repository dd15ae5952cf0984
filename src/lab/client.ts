import type { Recorder, Written } from './recorder.ts'
import { sleep, wallMs } from './time.ts'
import type { OperationKind } from './told.ts'

/** Where a client notes what it has seen. */
export type Notes = Pick<Recorder, 'acknowledged' | 'written' | 'seen' | 'nextOf' | 'sampled'>

export interface ClientOptions {
  readonly region: string
  /** Asks the gateway of the region for what is below that path of the keyspace. */
  readonly ask: (path: string, init: RequestInit) => Promise<Response>
  readonly notes: Notes
}

/** What a client waits for an answer. */
const TIMEOUT_SECONDS = 3
const REOPEN_MS = 300
/** Operations of a kind that may be under way: what waits for a region that is cut off is not piled up. */
const UNDER_WAY_MAX = 50
const TURN_MS = 20

/** All that the lab writes and watches. */
const PREFIX = 'lab/'

interface HeaderOnly {
  readonly header?: { readonly revision?: string }
}

interface WatchLine {
  readonly result?: {
    readonly canceled?: boolean
    readonly cancel_reason?: string
    readonly events?: readonly {
      readonly kv: { readonly mod_revision: string; readonly value: string }
    }[]
  }
}

/** The clients of a region: they read, write and watch as any client of etcd's JSON gateway does. */
export class LabClient {
  readonly #options: ClientOptions
  readonly #stop = new AbortController()
  readonly #underWay = new Map<OperationKind, number>()
  #endWatch: () => void = () => undefined
  /** Operations a second. */
  readonly rates: Record<OperationKind, number> = { write: 0, linearizable: 0, serializable: 0 }

  constructor(options: ClientOptions) {
    this.#options = options
  }

  start(): void {
    void this.#run()
    void this.#watch()
  }

  stop(): void {
    this.#stop.abort()
  }

  /** The way to the keyspace is another one: the watch goes on there. */
  rewatch(): void {
    this.#endWatch()
  }

  /** Each kind at its rate, however long the answers take. */
  async #run(): Promise<void> {
    // One kind leaves between two of the other, so that neither finds the other under way.
    const due: Record<OperationKind, number> = { write: 0, linearizable: 0, serializable: 0.5 }
    let before = wallMs()
    while (!this.#stop.signal.aborted) {
      await sleep(TURN_MS)
      const now = wallMs()
      for (const kind of ['write', 'linearizable', 'serializable'] as const) {
        due[kind] = Math.min(due[kind] + (this.rates[kind] * (now - before)) / 1000, UNDER_WAY_MAX)
        for (; due[kind] >= 1; due[kind]--) {
          void this.operate(kind)
        }
      }
      before = now
    }
  }

  /** One of them; resolves to its revision, or 0 where it failed or too many are under way. */
  async operate(kind: OperationKind): Promise<number> {
    const underWay = this.#underWay.get(kind) ?? 0
    if (underWay >= UNDER_WAY_MAX) {
      return 0
    }
    this.#underWay.set(kind, underWay + 1)
    const { region, notes } = this.#options
    const sent = wallMs()
    const floor = notes.acknowledged
    let revision = 0
    let error = ''
    try {
      revision = await (kind === 'write' ? this.#put(sent) : this.#range(kind === 'serializable'))
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure)
    }
    this.#underWay.set(kind, (this.#underWay.get(kind) ?? 1) - 1)
    const time = wallMs()
    if (kind === 'write' && revision > 0) {
      notes.written(revision, { from: region, sent }, time)
    }
    notes.sampled({
      time,
      region,
      kind,
      ms: time - sent,
      revision,
      behind: kind === 'write' || error !== '' ? 0 : Math.max(0, floor - revision),
      error,
    })
    return revision
  }

  #put(sent: number): Promise<number> {
    const { region } = this.#options
    const written: Written = { from: region, sent }
    return this.#unary('put', {
      key: base64(PREFIX + region),
      value: base64(JSON.stringify(written)),
    })
  }

  #range(serializable: boolean): Promise<number> {
    return this.#unary('range', { key: base64(PREFIX + this.#options.region), serializable })
  }

  async #unary(method: string, body: object): Promise<number> {
    const response = await this.#post(`kv/${method}`, body, {
      'Grpc-Timeout': `${TIMEOUT_SECONDS}S`,
    })
    const text = await response.text()
    if (response.status !== 200) {
      throw new Error(refusalOf(text))
    }
    const { header } = JSON.parse(text) as HeaderOnly
    return Number(header?.revision ?? 0)
  }

  #post(path: string, body: object, headers: Record<string, string>): Promise<Response> {
    return this.#options.ask(`/v3/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  /** From the first revision on, again and again where the stream ends. */
  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#watchOnce()
      } catch {
        // The region is down, or what serves it: the next try will tell.
      }
      await sleep(REOPEN_MS)
    }
  }

  async #watchOnce(): Promise<void> {
    const { region, notes } = this.#options
    const create = {
      key: base64(PREFIX),
      range_end: base64('lab0'),
      start_revision: String(notes.nextOf(region)),
    }
    const response = await this.#post('watch', { create_request: create }, {})
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const end = (): void => void reader.cancel().catch(() => undefined)
    this.#stop.signal.addEventListener('abort', end)
    this.#endWatch = end
    try {
      const decoder = new TextDecoder()
      let rest = ''
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const lines = (rest + decoder.decode(part.value, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        lines.forEach((line) => this.#heard(line))
      }
    } finally {
      this.#stop.signal.removeEventListener('abort', end)
      end()
    }
  }

  #heard(line: string): void {
    const { region, notes } = this.#options
    const { result } = JSON.parse(line) as WatchLine
    if (result?.canceled === true) {
      throw new Error(result.cancel_reason)
    }
    for (const { kv } of result?.events ?? []) {
      notes.seen(Number(kv.mod_revision), region, JSON.parse(atob(kv.value)) as Written, wallMs())
    }
  }
}

function base64(text: string): string {
  return btoa(text)
}

/** etcd's gateway says it as JSON. */
function refusalOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: string }
    return message ?? text
  } catch {
    return text
  }
}
