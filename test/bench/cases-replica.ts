import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest, RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { LabProcess } from '../e2e/lab-process.ts'
import { alternate, type BenchCase, type Figures, type Row } from './bench-case.ts'
import { fill } from './fill.ts'
import { grpcFrame } from './grpc-connection.ts'
import { openGrpcWatches } from './grpc-watches.ts'
import { H2Connection } from './h2-connection.ts'
import { findGenerator } from './h2load.ts'
import { runLoad } from './load.ts'
import { unaryFigures, type UnaryResult } from './measured-window.ts'
import { pacedPuts } from './paced-puts.ts'
import { percentile } from './samples.ts'
import { TwoHosts } from './two-hosts.ts'

const DISTANCES_MS = [80, 150, 250]
const PUTS_PER_SECOND = 1000
const READ_DISTANCE_MS = 150
const WATCHERS = 1000
const COUNTED_PUTS = 20
/** `BENCH_KEYS` makes it smaller. */
const LARGE = {
  prefix: 'bench/large/',
  keys: Number(process.env['BENCH_KEYS'] ?? 1_000_000),
  valueBytes: 1000,
  times: 1,
}
const BOOTSTRAP_RTT_MS = 90
const BESIDE_PUTS = 500
const KEY = Buffer.from('bench/read')

const FEEDS = [0, 5] as const
const PUT_BYTES = 256
const SHAPE = { connections: 32, streams: 4 }

/** A lab whose own clients keep still. */
async function withLab<T>(
  regions: readonly string[],
  rtt: string,
  use: (lab: LabProcess) => Promise<T>,
): Promise<T> {
  const lab = await LabProcess.start(regions, rtt)
  try {
    await lab.whole()
    await lab.change(`leader=${regions[0]}`)
    return await use(lab)
  } finally {
    await lab.stop()
  }
}

/** Rows of measurements that nobody else takes part in. */
async function rowsOf(
  rounds: number,
  measure: (round: number) => Promise<Figures>,
): Promise<readonly Row[]> {
  return alternate([undefined], rounds, (_, round) => measure(round))
}

export const replicaLag: BenchCase = {
  name: 'replica-lag',
  about: `${PUTS_PER_SECOND} puts/s at the leader, watched at a replica ${DISTANCES_MS.join(', ')} ms of round trip away`,
  run: async ({ rounds, seconds }) => {
    const rows: Row[] = []
    for (const ms of DISTANCES_MS) {
      const measured = await withLab(['weur', 'enam'], `weur-enam=${ms}`, (lab) =>
        rowsOf(rounds, async (round) => {
          const watched = (region: string) =>
            runLoad({
              kind: 'grpc-watch',
              url: lab.url(region),
              writeUrl: lab.url('weur'),
              prefix: `bench/lag/${ms}/${round}/${region}/`,
              perSecond: PUTS_PER_SECOND,
              seconds,
              progressEveryMs: Infinity,
            })
          // What the machine itself takes, and the leader, is the same.
          const [here, there] = [await watched('weur'), await watched('enam')]
          return {
            [`round trip ${ms} ms: put to event beside the leader, p50 ms`]: here.eventP50Ms,
            [`round trip ${ms} ms: put to event at the replica, p50 ms`]: there.eventP50Ms,
            [`round trip ${ms} ms: put to event beside the leader, p99 ms`]: here.eventP99Ms,
            [`round trip ${ms} ms: put to event at the replica, p99 ms`]: there.eventP99Ms,
          }
        }),
      )
      rows.push(...measured)
    }
    return rows
  },
}

export const replicaRead: BenchCase = {
  name: 'replica-read',
  about: `reads at a replica ${READ_DISTANCE_MS} ms of round trip away, one after the other`,
  run: ({ rounds, seconds }) =>
    withLab(['weur', 'enam'], `weur-enam=${READ_DISTANCE_MS}`, async (lab) => {
      const writer = await opened(lab.url('weur'))
      await writer.ask('/etcdserverpb.KV/Put', encode(PutRequest, create(PutRequest, { key: KEY })))
      writer.close()
      const read = (region: string, serializable: boolean) =>
        reads(lab, region, { serializable, seconds })
      return rowsOf(rounds, async () => {
        const local = await read('weur', true)
        const serializable = await read('enam', true)
        const linearizable = await read('enam', false)
        return {
          'serializable beside the leader, p50 ms': local.p50Ms,
          'serializable at the replica, p50 ms': serializable.p50Ms,
          'serializable beside the leader, p99 ms': local.p99Ms,
          'serializable at the replica, p99 ms': serializable.p99Ms,
          'linearizable at the replica, p50 ms': linearizable.p50Ms,
          'linearizable at the replica, p99 ms': linearizable.p99Ms,
        }
      })
    }),
}

function reads(
  lab: LabProcess,
  region: string,
  { serializable, seconds }: { readonly serializable: boolean; readonly seconds: number },
): Promise<UnaryResult> {
  return runLoad({
    kind: 'grpc',
    method: '/etcdserverpb.KV/Range',
    frame: grpcFrame(encode(RangeRequest, create(RangeRequest, { key: KEY, serializable }))),
    address: { url: lab.url(region) },
    serverPid: lab.pid,
    connections: 1,
    streams: 1,
    seconds,
  })
}

/** What breaks a connection ends the whole. */
async function opened(url: string): Promise<H2Connection> {
  return H2Connection.open({ url }, (error) => {
    throw error
  })
}

export const replicaPuts: BenchCase = {
  name: 'replica-puts',
  about: `gRPC puts of ${PUT_BYTES} B, ${SHAPE.connections} × ${SHAPE.streams}, at a leader that tells ${FEEDS.join(' or ')} replicas, which are elsewhere and keep nothing here`,
  run: async ({ rounds, seconds }) => {
    const leaders = await Promise.all(FEEDS.map(startSinks))
    try {
      const value = Buffer.alloc(PUT_BYTES, 'v')
      const put = create(PutRequest, { key: Buffer.from('bench/put'), value })
      const generate = await findGenerator()
      const measured = await alternate(leaders, rounds, async ({ url, pid }) =>
        unaryFigures(
          'puts',
          await generate({
            kind: 'grpc',
            method: '/etcdserverpb.KV/Put',
            frame: grpcFrame(encode(PutRequest, put)),
            address: { url },
            serverPid: pid,
            ...SHAPE,
            seconds,
          }),
        ),
      )
      return measured.flatMap(({ name, rounds: values }) =>
        values.map((each, place) => ({
          name: `${name}, ${FEEDS[place]} replicas`,
          rounds: [each],
        })),
      )
    } finally {
      await Promise.all(leaders.map((leader) => leader.stop()))
    }
  },
}

async function startSinks(count: number) {
  const directory = await mkdtemp(join(tmpdir(), 'bench-sinks-'))
  const program = join(import.meta.dirname, 'replica-sinks.ts')
  const child = spawn(process.execPath, [program, directory, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [url] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return {
    url: url.trim(),
    pid: child.pid ?? 0,
    stop: async () => {
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
      await rm(directory, { recursive: true })
    },
  }
}

export const replicaWatchers: BenchCase = {
  name: 'replica-watchers',
  about: `${WATCHERS} gRPC watchers in each of 5 regions: messages that leave the leader's region for a put`,
  run: () => {
    const others = ['enam', 'apac', 'sam', 'oc', 'afr']
    return withLab(['weur', ...others], '', (lab) =>
      rowsOf(1, async () => {
        const prefix = 'bench/fan/'
        let heard = 0
        const watches = await Promise.all(
          others.map((region) =>
            openGrpcWatches({ url: lab.url(region) }, { prefix, watchers: WATCHERS }, (count) => {
              heard += count
            }),
          ),
        )
        const writer = await opened(lab.url('weur'))
        const put = encode(PutRequest, create(PutRequest, { key: Buffer.from(`${prefix}key`) }))
        let before = 0
        // The next one when all have heard of the last, so that no two share a message.
        for (let count = 1; count <= 2 * COUNTED_PUTS; count++) {
          await writer.ask('/etcdserverpb.KV/Put', put)
          await heardOf(() => heard, count * others.length * WATCHERS)
          before = count === COUNTED_PUTS ? await messages(lab) : before
        }
        const after = await messages(lab)
        writer.close()
        watches.forEach((watch) => watch.close())
        return { 'messages from the leader for a put': (after - before) / COUNTED_PUTS }
      }),
    )
  },
}

async function messages(lab: LabProcess): Promise<number> {
  const { regions } = await lab.tick()
  return Object.values(regions).reduce((sum, region) => sum + (region.messages ?? 0), 0)
}

async function heardOf(heard: () => number, wanted: number): Promise<void> {
  while (heard() < wanted) {
    await sleep(20)
  }
}

export const replicaBootstrap: BenchCase = {
  name: 'replica-bootstrap',
  about: `a replica of ${LARGE.keys} keys of ${LARGE.valueBytes} B is made in another thread, ${BOOTSTRAP_RTT_MS} ms of round trip away, beside ${BESIDE_PUTS} puts/s`,
  run: async ({ rounds }) => {
    const hosts = await TwoHosts.start(BOOTSTRAP_RTT_MS)
    try {
      await fill(hosts.url, LARGE)
      return await rowsOf(rounds, async () => {
        const alone = await besidePuts(hosts, () => sleep(20_000))
        const start = performance.now()
        const beside = await besidePuts(hosts, () => hosts.order('add'))
        const seconds = (performance.now() - start) / 1000
        await hosts.order('remove')
        return {
          'until the replica has all, s': seconds,
          'put p50 beside nothing, ms': percentile(alone, 0.5),
          'put p50 meanwhile, ms': percentile(beside, 0.5),
          'put p99 beside nothing, ms': percentile(alone, 0.99),
          'put p99 meanwhile, ms': percentile(beside, 0.99),
        }
      })
    } finally {
      await hosts.stop()
    }
  },
}

/** What puts at a steady rate wait while something goes on, in milliseconds. */
async function besidePuts(
  { url }: Pick<TwoHosts, 'url'>,
  body: () => Promise<void>,
): Promise<readonly number[]> {
  const over = new AbortController()
  const putting = putsUntil(url, over.signal)
  await body()
  over.abort()
  return putting
}

async function putsUntil(url: string, over: AbortSignal): Promise<readonly number[]> {
  const connection = await opened(url)
  const waits: number[] = []
  while (!over.aborted) {
    const sentAt: number[] = []
    const answered: number[] = []
    await pacedPuts(
      connection,
      { prefix: 'bench/beside/', perSecond: BESIDE_PUTS, seconds: 1 },
      (place) => {
        sentAt[place] = performance.now()
      },
      () => answered.push(performance.now()),
    )
    waits.push(...answered.map((at, place) => at - (sentAt[place] ?? at)))
  }
  connection.close()
  return waits
}
