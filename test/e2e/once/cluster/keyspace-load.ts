// Clients that write by HTTP to keyspaces which their node has no link to, and read what they wrote.
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { EventType, type Event } from '../../../../src/mvcc/types.ts'
import type { Operation } from './history.ts'

/** Of one client: the machine has more to do than to write. */
const PAUSE_MS = 4
/** After a refusal. */
const BACKOFF_MS = 50
const WRITTEN_MS_MAX = 90_000
const CREATE_MS_MAX = 30_000

const header = z.object({ revision: z.string() })
const written = z.object({ header })
const refusal = z.object({ code: z.number(), message: z.string() })
const kvs = z.array(
  z.object({
    key: z.string(),
    value: z.string(),
    mod_revision: z.string(),
    create_revision: z.string(),
    version: z.string(),
  }),
)
const range = z.object({ header, kvs: kvs.optional() })

/** By any of the nodes. */
export async function makeKeyspaces(url: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const deadline = Date.now() + CREATE_MS_MAX
    for (;;) {
      const response = await post(`${url}/keyspaces`, { name })
      if (response.ok || response.status === 409) {
        break
      }
      if (Date.now() > deadline) {
        throw new Error(`${name} was not made: ${response.text}`)
      }
      await sleep(BACKOFF_MS)
    }
  }
}

/** A client for each keyspace at each node. Each put has a key of its own, so that a list shows all of them. */
export class KeyspaceLoad {
  readonly #name: string
  readonly #operations = new Map<string, Operation[]>()
  readonly #clients: Promise<void>[] = []
  #isOver = false

  /** `name` is none that another load has had. */
  constructor(name: string, urls: readonly string[], keyspaces: readonly string[]) {
    this.#name = name
    for (const keyspace of keyspaces) {
      this.#operations.set(keyspace, [])
      for (const [place, url] of urls.entries()) {
        this.#clients.push(this.#write(url, keyspace, place))
      }
    }
  }

  get operations(): readonly Operation[] {
    return [...this.#operations.values()].flat()
  }

  of(keyspace: string): readonly Operation[] {
    return this.#operations.get(keyspace) ?? []
  }

  /** Waits until so many more puts were acknowledged in each keyspace that were asked for from now on. */
  async written(count: number): Promise<void> {
    const now = performance.now()
    const isNew = ({ began, outcome }: Operation): boolean => began >= now && 'revision' in outcome
    const isWritten = (operations: readonly Operation[]): boolean =>
      operations.filter(isNew).length >= count
    while (![...this.#operations.values()].every(isWritten)) {
      if (performance.now() - now > WRITTEN_MS_MAX) {
        const last = this.operations.slice(-4).map((one) => JSON.stringify(one))
        throw new Error(`not written in ${WRITTEN_MS_MAX} ms; last: ${last.join('; ')}`)
      }
      await sleep(20)
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  async #write(url: string, keyspace: string, place: number): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const key = `${this.#name}-${place}-${count}`
      const began = performance.now()
      const response = await post(`${url}/keyspaces/${keyspace}/v3/kv/put`, {
        key: base64(key),
        value: base64(key),
      })
      const outcome = response.ok
        ? { revision: Number(written.parse(JSON.parse(response.text)).header.revision) }
        : refusal.parse(JSON.parse(response.text))
      const ended = performance.now()
      const put = { kind: 'put', key, value: key, url, began, ended, outcome } as const
      this.#operations.get(keyspace)?.push(put)
      await sleep(response.ok ? PAUSE_MS : BACKOFF_MS)
    }
  }
}

/** All puts of loads, as a list shows them. Throws where a key was written twice. */
export async function eventsOf(url: string, keyspace: string): Promise<readonly Event[]> {
  const all = { key: base64('\0'), range_end: base64('\0') }
  const response = await post(`${url}/keyspaces/${keyspace}/v3/kv/range`, all)
  const found = range.parse(JSON.parse(response.text)).kvs ?? []
  return found
    .map(({ key, value, mod_revision, create_revision, version }) => ({
      type: EventType.PUT,
      kv: {
        key: Buffer.from(key, 'base64'),
        value: Buffer.from(value, 'base64'),
        modRevision: Number(mod_revision),
        createRevision: Number(create_revision),
        version: Number(version),
        lease: 0n,
      },
      prevKv: undefined,
    }))
    .toSorted((a, b) => a.kv.modRevision - b.kv.modRevision)
}

interface Answer {
  readonly ok: boolean
  readonly status: number
  readonly text: string
}

async function post(url: string, body: object): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  return { ok: response.ok, status: response.status, text: await response.text() }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
