// What a real cluster would do once: an etcd with 100,000 keys and a kube-apiserver moves while both are written to.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { ApiClient } from '../../bench/api-client.ts'
import { findApiServer, startApiServer } from '../../bench/api-server.ts'
import { startEtcd } from '../../oracle/etcd.ts'
import { Migrating, put, Writer } from '../migrating.ts'
import { startBridge, startServer } from '../server.ts'

const KEYS = 100_000
const PUTS_PER_SECOND = 500
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const TIMEOUT_MS = 15 * 60_000

/** What was acknowledged last, and when. */
interface Last {
  revision: number
  at: number
  puts: number
}

/** From the cut-over on the source refuses it. */
async function putOnce(writer: Writer, sent: number, last: Last): Promise<void> {
  try {
    const revision = await writer.write([put(`paced/${sent % 5_000}`, `value ${sent}`)])
    last.revision = Math.max(last.revision, revision)
    last.at = performance.now()
    last.puts++
  } catch {
    // Nothing was acknowledged.
  }
}

/** When the keyspace answers for the first time. */
async function firstAnswer(url: string): Promise<number> {
  for (;;) {
    const { status } = await fetch(`${url}/keyspaces/moved/v3/kv/range`, {
      method: 'POST',
      body: '{"key": "YQ=="}',
    })
    if (status === 200) {
      return performance.now()
    }
    await sleep(20)
  }
}

/** Each put at its time, whether those before were answered or not. */
async function putSteadily(writer: Writer, last: Last, stop: AbortSignal): Promise<void> {
  const start = performance.now()
  const under = new Set<Promise<void>>()
  for (let sent = 0; !stop.aborted; await sleep(2)) {
    for (const due = ((performance.now() - start) / 1000) * PUTS_PER_SECOND; sent < due; sent++) {
      const one = putOnce(writer, sent, last)
      under.add(one)
      void one.then(() => under.delete(one))
    }
  }
  await Promise.all(under)
}

async function configMaps(client: ApiClient, made: string[], stop: AbortSignal): Promise<void> {
  for (let count = 0; !stop.aborted; count++) {
    const body = { metadata: { name: `moved-${count}` }, data: { a: 'x'.repeat(1000) } }
    const { status } = await client.ask('POST', CONFIG_MAPS, body)
    if (status === 201) {
      made.push(`moved-${count}`)
    }
  }
}

it.skipIf(process.env['MIGRATE_KUBERNETES'] === undefined)(
  '[MOV6] an etcd with 100,000 keys under 500 puts/s, kube-apiserver attached, loses nothing',
  { timeout: TIMEOUT_MS },
  async ({ skip }) => {
    const binary = await findApiServer()
    const etcd = binary === undefined ? undefined : await startEtcd({ flags: [] })
    if (binary === undefined || etcd === undefined) {
      return skip('no kube-apiserver in $KUBERNETES_BIN or PATH, or no etcd')
    }
    onTestFinished(() => etcd.stop())
    const directory = await mkdtemp(join(tmpdir(), 'etcdurable-migrate-'))
    const server = await startServer()
    onTestFinished(async () => {
      await server.stop()
      await rm(directory, { recursive: true })
    })
    const writer = new Writer(etcd.url)
    onTestFinished(() => writer.close())
    for (let i = 0; i < KEYS; i += 100) {
      const some = Array.from({ length: 100 }, (_, at) => put(`k/${i + at}`, 'v'.repeat(256)))
      await writer.write(some)
    }
    const api = await startApiServer(binary, { address: { url: etcd.url } } as never, undefined)
    onTestFinished(() => api.stop())
    const over = new AbortController()
    const last: Last = { revision: 0, at: 0, puts: 0 }
    const made: string[] = []
    const client = new ApiClient(api.url)
    const writing = [
      putSteadily(writer, last, over.signal),
      configMaps(client, made, over.signal).catch(() => undefined),
    ]
    const start = performance.now()
    const state = `--state=${join(directory, 'moved.migration')}`
    const flags = [
      `--from=${etcd.url}`,
      `--to=${server.url}`,
      '--keyspace=moved',
      '--cut-over',
      state,
    ]
    const answers = firstAnswer(server.url)
    const { code, stdout, stderr } = await new Migrating(flags).ended()
    const end = performance.now()
    over.abort()
    await Promise.all(writing)
    expect([code, stderr]).toEqual([0, stderr])
    const answered = await answers
    const [, revision] = /migrated at revision (\d+)/.exec(stdout) ?? []
    expect(Number(revision)).toBeGreaterThanOrEqual(last.revision)
    const bridge = await startBridge({ upstream: server.url, flags: ['--keyspace=moved'] })
    const moved = new Writer(bridge.url)
    onTestFinished(async () => {
      moved.close()
      await bridge.stop()
    })
    expect(await moved.hash(Number(revision))).toEqual(await writer.hash(Number(revision)))
    const prefix = Buffer.from('/registry/configmaps/default/moved-')
    const rangeEnd = Buffer.from('/registry/configmaps/default/moved.')
    const { kvs } = await moved.ask('/etcdserverpb.KV/Range', {
      key: prefix,
      rangeEnd,
      keysOnly: true,
    })
    const names = new Set(kvs.map(({ key }) => Buffer.from(key).toString().split('/').at(-1)))
    expect(made.filter((name) => !names.has(name))).toEqual([])
    expect(made.length).toBeGreaterThan(0)
    process.stdout.write(
      `${last.puts} puts, ${made.length} ConfigMaps, all in ${Math.round(end - start)} ms; ` +
        `from the last put to the first answer ${Math.round(answered - last.at)} ms\n${stdout}`,
    )
  },
)
