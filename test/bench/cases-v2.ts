import { setTimeout as sleep } from 'node:timers/promises'
import { alternate, type BenchCase, type Figures, type Row, withRunning } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { runLoad } from './load.ts'
import { LongPolls } from './long-polls.ts'
import { unaryFigures } from './measured-window.ts'
import { usageOfTree } from './process-usage.ts'
import { measureShardPolls } from './shard-polls.ts'

const KEYS = 1000
const VALUE_BYTES = 256
const CLIENTS = [1, 32]
const FILL_AT_ONCE = 32

const paths = Array.from({ length: KEYS }, (_, place) => `/v2/keys/bench/${place}`)
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
