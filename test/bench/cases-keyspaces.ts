import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Contestant, Running } from './contestant.ts'
import { openIdleWatches } from './idle-watches.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { base64, valueOf } from './messages.ts'
import { type Usage, usageOf } from './process-usage.ts'

const KEYSPACES = 1000
const KEYS = 1000
const KEYS_PER_TXN = 100
const VALUE_BYTES = 100
/** After ten seconds without a request an object leaves the memory. */
const ASLEEP_MS = 15_000
const IDLE_MS = 5000
const AT_ONCE = 8

export const keyspaces: BenchCase = {
  name: 'keyspaces',
  about: `${KEYSPACES} keyspaces of ${KEYS} keys, each with an open watch, in one workerd`,
  // Of etcd that would be a thousand processes.
  run: ({ contestants: [us], rounds }) =>
    us === undefined ? Promise.resolve([]) : alternate([us], rounds, measured),
}

const names = Array.from({ length: KEYSPACES }, (_, n) => `bench-${n}`)

/** What memory they take shows only after a start: creating and filling leaves plenty behind. */
async function measured(us: Contestant): Promise<Figures> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-keyspaces-'))
  try {
    const made = await served(us, dataDir, create)
    return { ...made, ...(await served(us, dataDir, useThenIdle)) }
  } finally {
    await rm(dataDir, { recursive: true })
  }
}

interface Served {
  readonly server: Running
  readonly client: Client
}

async function served(
  us: Contestant,
  dataDir: string,
  use: (server: Served) => Promise<Figures>,
): Promise<Figures> {
  const server = await us.start({ dataDir })
  const client = new Client(server.url)
  try {
    return await use({ server, client })
  } finally {
    client.close()
    await server.stop()
  }
}

async function create({ client }: Served): Promise<Figures> {
  await client.post('/keyspaces', { name: 'warm-up' })
  const start = performance.now()
  for (const name of names) {
    await client.post('/keyspaces', { name })
  }
  const seconds = (performance.now() - start) / 1000
  await eachOf(names, (name) => client.fill(name))
  return { [`${KEYSPACES} keyspaces: creating them one by one, s`]: seconds }
}

async function useThenIdle({ server, client }: Served): Promise<Figures> {
  const { url, pid } = server
  await client.read('warm-up')
  const before = usageOf(pid)
  await eachOf(names, (name) => client.read(name))
  const read = usageOf(pid)
  const watches = await Promise.all(
    names.map((name) => openIdleWatches(url, [['watched/']], `/keyspaces/${name}/v3/watch`)),
  )
  const watched = usageOf(pid)
  const awakeSince = await client.awakeSince('bench-0')
  await sleep(ASLEEP_MS)
  const asleep = usageOf(pid)
  await sleep(IDLE_MS)
  const idleMs = (usageOf(pid).cpuSeconds - asleep.cpuSeconds) * 1000
  if ((await client.awakeSince('bench-0')) === awakeSince) {
    throw new Error('an idle keyspace with an open watch did not leave the memory')
  }
  watches.forEach((watch) => watch.close())
  const kilobytes = (from: Usage, to: Usage): number => (to.bytes - from.bytes) / 1e3 / KEYSPACES
  return {
    [`one of ${KEYSPACES} that has read its ${KEYS} keys: memory, KB`]: kilobytes(before, read),
    [`one of ${KEYSPACES}: memory of a watch by WebSocket, KB`]: kilobytes(read, watched),
    [`${KEYSPACES} idle: CPU time in ${IDLE_MS / 1000} s, ms`]: idleMs,
  }
}

/** Some at a time. */
async function eachOf(
  all: readonly string[],
  use: (name: string) => Promise<unknown>,
): Promise<void> {
  const left = [...all]
  const work = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await use(name)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** Of the JSON gateway, over connections that are kept. */
class Client {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

  constructor(url: string) {
    this.#url = url
  }

  post(path: string, message: object): Promise<string> {
    return this.#ask('POST', path, JSON.stringify(message))
  }

  async #ask(method: string, path: string, message: string): Promise<string> {
    const asked = request(new URL(path, this.#url), { method, agent: this.#agent })
    asked.end(message)
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const body = await text(response)
    if ((response.statusCode ?? 500) >= 300) {
      throw new Error(`${path} answered ${response.statusCode}: ${body}`)
    }
    return body
  }

  async fill(name: string): Promise<void> {
    const value = valueOf(VALUE_BYTES)
    for (let first = 0; first < KEYS; first += KEYS_PER_TXN) {
      const success = Array.from({ length: KEYS_PER_TXN }, (_, place) => ({
        request_put: { key: base64(keyAt('key/', first + place)), value },
      }))
      await this.post(`/keyspaces/${name}/v3/kv/txn`, { success })
    }
  }

  read(name: string): Promise<string> {
    const range = { key: base64('key/'), range_end: base64(prefixEnd('key/')) }
    return this.post(`/keyspaces/${name}/v3/kv/range`, range)
  }

  /** When the keyspace's object came into memory, in seconds since 1970. */
  async awakeSince(name: string): Promise<string | undefined> {
    const metrics = await this.#ask('GET', `/keyspaces/${name}/metrics`, '')
    return /^process_start_time_seconds (\S+)$/m.exec(metrics)?.[1]
  }

  close(): void {
    this.#agent.destroy()
  }
}
