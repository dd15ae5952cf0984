import { setTimeout as sleep } from 'node:timers/promises'
import { alternate, type BenchCase, type Figures, type Row, withRunning } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { runLoad } from './load.ts'
import { LongPolls } from './long-polls.ts'
import { type UnaryResult, unaryFigures } from './measured-window.ts'
import { base64, putJson, valueOf } from './messages.ts'
import { usageOfTree } from './process-usage.ts'
import { measureShardPolls } from './shard-polls.ts'

const KEYS = 1000
const VALUE_BYTES = 256
const CLIENTS = [1, 32]
const FILL_AT_ONCE = 32

const paths = Array.from({ length: KEYS }, (_, place) => `/v2/keys/bench/${place}`)
const value = valueOf(VALUE_BYTES)
const form = `value=${'x'.repeat(VALUE_BYTES)}`

/** etcd has had no v2 API since 3.6. */
const HAS_V2 = /^etcdurable|^etcd 3\.[0-5]\./

export const v2Set: BenchCase = {
  name: 'v2-set',
  about: `v2 set of ${VALUE_BYTES} B over one of ${KEYS} keys, beside an etcd that has the v2 API`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(
      contestants.filter(({ name }) => HAS_V2.test(name)),
      async (running) => {
        for (const { url } of running) {
          await fill(url)
        }
        const rows: Row[] = []
        for (const clients of CLIENTS) {
          const measured = await alternate(running, rounds, async ({ url, rootPid }) => {
            const load = { kind: 'unary', url, serverPid: rootPid, clients, seconds } as const
            const requests = { kind: 'v2-set', paths, form } as const
            return unaryFigures(`v2 set, ${clients}`, await runLoad({ ...load, requests }))
          })
          rows.push(...measured)
        }
        return rows
      },
      { flags: ['--enable-v2'] },
    ),
}

const POLLS = 10_000
/** Behind the last answer, for what is of no use any more to go. */
const SETTLE_MS = 2000
const TOLD_MS_MAX = 500

export const v2IdlePolls: BenchCase = {
  name: 'v2-idle-polls',
  about: `${POLLS} v2 long polls that wait, and a set at the path of one`,
  run: async ({ contestants, seconds, rounds }) => {
    const alone = await alternate(contestants.slice(0, 1), rounds, async () => {
      const { bytesEach, timers, woken } = await measureShardPolls(POLLS)
      return {
        'v2 polls, bytes each in the shard': bytesEach,
        'v2 polls, timers in the shard': timers,
        'v2 polls, woken in the shard by a set': woken,
      }
    })
    const others = contestants.filter(({ name }) => HAS_V2.test(name))
    const whole = await alternate(others, rounds, async (contestant) => {
      const server = await contestant.start({ flags: ['--enable-v2'] })
      try {
        return await measurePolls(server, seconds)
      } finally {
        await server.stop()
      }
    })
    return [...alone, ...whole]
  },
}

const V3_CLIENTS = 32

export const v2Enabled: BenchCase = {
  name: 'v2-enabled',
  about: `v3's puts and ranges in JSON, ${V3_CLIENTS} clients, of a server with --enable-v2 by those of one without`,
  run: ({ contestants, seconds, rounds }) => {
    const [ours] = contestants
    return withRunning(ours === undefined ? [] : [ours], ([without]) =>
      withRunning(
        ours === undefined ? [] : [ours],
        ([enabled]) =>
          alternate([{ without, enabled }], rounds, async (pair, round) => ({
            ...(await comparedV3(pair, 'put', { seconds, round })),
            ...(await comparedV3(pair, 'range', { seconds, round })),
          })),
        { flags: ['--enable-v2'] },
      ),
    )
  },
}

interface Pair {
  readonly without: Running | undefined
  readonly enabled: Running | undefined
}

async function comparedV3(
  { without, enabled }: Pair,
  what: 'put' | 'range',
  { seconds, round }: { readonly seconds: number; readonly round: number },
): Promise<Figures> {
  const measured = new Map<Running | undefined, UnaryResult>()
  for (const server of round % 2 === 0 ? [without, enabled] : [enabled, without]) {
    const { url = '', rootPid: serverPid = 0 } = server ?? {}
    const bodies = paths.map((path) =>
      what === 'put' ? putJson(path, value) : `{"key":"${base64(path)}"}`,
    )
    const requests = { kind: 'same', path: `/v3/kv/${what}`, bodies, expect: '"revision"' } as const
    const load = { kind: 'unary', url, serverPid, clients: V3_CLIENTS, seconds, requests } as const
    measured.set(server, await runLoad(load))
  }
  const of = (server: Running | undefined, figure: 'perSecond' | 'cpuMicros'): number =>
    measured.get(server)?.[figure] ?? Number.NaN
  return {
    [`v3 ${what}, per s`]: of(without, 'perSecond'),
    [`v3 ${what} with --enable-v2, per s`]: of(enabled, 'perSecond'),
    [`v3 ${what}, with to without`]: of(enabled, 'perSecond') / of(without, 'perSecond'),
    [`v3 ${what}, processor µs each, with to without`]:
      of(enabled, 'cpuMicros') / of(without, 'cpuMicros'),
  }
}

async function measurePolls({ url, rootPid }: Running, seconds: number): Promise<Figures> {
  const watched = Array.from({ length: POLLS }, (_, poll) => `/v2/keys/poll/${poll}`)
  await put(url, '/v2/keys/first')
  const before = usageOfTree(rootPid)
  const polls = await LongPolls.open(url, watched)
  await sleep(SETTLE_MS)
  const idle = usageOfTree(rootPid)
  await sleep(seconds * 1000)
  const { cpuSeconds } = usageOfTree(rootPid)
  const begun = performance.now()
  await put(url, `/v2/keys/poll/${POLLS / 2}`)
  while (polls.told === 0 && performance.now() - begun < TOLD_MS_MAX) {
    await sleep(0)
  }
  const ms = performance.now() - begun
  await sleep(TOLD_MS_MAX)
  const { told } = polls
  polls.close()
  return {
    'v2 polls, bytes each of the whole server': (idle.bytes - before.bytes) / POLLS,
    'v2 polls, processor ms in a second of idleness':
      ((cpuSeconds - idle.cpuSeconds) / seconds) * 1000,
    'v2 polls, woken by a set': told,
    'v2 polls, set to event ms': ms,
  }
}

async function put(url: string, path: string): Promise<void> {
  const response = await fetch(new URL(path, url), {
    method: 'PUT',
    body: new URLSearchParams(form),
  })
  await response.arrayBuffer()
  if (!response.ok) {
    throw new Error(`a set was answered ${response.status}`)
  }
}

async function fill(url: string): Promise<void> {
  for (let at = 0; at < KEYS; at += FILL_AT_ONCE) {
    const some = paths.slice(at, at + FILL_AT_ONCE)
    await Promise.all(some.map((path) => put(url, path)))
  }
}
