import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { readMetrics } from '../e2e/metrics.ts'
import { type Server, startServer } from '../e2e/server.ts'
import { alternate, type BenchCase, type Figures, type Row } from './bench-case.ts'
import { fill } from './fill.ts'
import { grpcFrame } from './grpc-connection.ts'
import { H2Connection } from './h2-connection.ts'
import { findGenerator } from './h2load.ts'
import { unaryFigures } from './measured-window.ts'
import { pacedPuts } from './paced-puts.ts'
import { growthWhile } from './resident-memory.ts'
import { percentile } from './samples.ts'

const VALUE_BYTES = 256
const SHAPES = [
  [8, 1],
  [128, 4],
] as const

const LARGE_KEYS = 1_000_000
const LARGE_VALUE_BYTES = 1000
const PACED = { prefix: 'bench/paced/', perSecond: 500 }
const BESIDE_NOTHING_SECONDS = 30
/** The metrics are asked for in both cases, as that takes the server some milliseconds. */
const ASKED_MS = 2000
/** The bar is two minutes. */
const FULL_SECONDS_MAX = 300

/** A server of ours that sends snapshots to a directory, or one that does not. */
async function withServer<T>(
  sends: boolean,
  use: (server: Server) => Promise<T>,
  dataDir?: string,
): Promise<T> {
  // On a disk of its own, or in memory, it does not wait for the same disk as the puts do.
  const folder = process.env['BENCH_STORE_FOLDER'] ?? tmpdir()
  const store = await mkdtemp(join(folder, 'bench-snapshots-'))
  const flags = sends ? [`--snapshot-store=file://${store}`] : []
  const server = await startServer({ flags, ...(dataDir !== undefined && { dataDir }) })
  try {
    return await use(server)
  } finally {
    await server.stop()
    await rm(store, { recursive: true })
  }
}

/** Each of both has rows of its own. */
function rowsOfEach(names: readonly string[], rows: readonly Row[]): readonly Row[] {
  return rows.flatMap(({ name, rounds }) =>
    rounds.map((values, place) => ({ name: `${name}, ${names[place]}`, rounds: [values] })),
  )
}

const names = ['no snapshots', 'snapshots'] as const

export const replication: BenchCase = {
  name: 'replication',
  about: `gRPC puts of ${VALUE_BYTES} B with and without snapshots to a directory: ${SHAPES.map(([c, s]) => `${c} × ${s}`).join(', ')}`,
  run: async ({ rounds, seconds }) =>
    withServer(false, (plain) =>
      withServer(true, async (sending) => {
        const rows: Row[] = []
        for (const [connections, streams] of SHAPES) {
          const measured = await alternate(
            [plain, sending],
            rounds,
            async ({ url, pid }, round) => {
              const key = Buffer.from(`bench/${connections}/${round}`)
              const put = create(PutRequest, { key, value: Buffer.alloc(VALUE_BYTES, 'v') })
              const generate = await findGenerator()
              const result = await generate({
                kind: 'grpc',
                method: '/etcdserverpb.KV/Put',
                frame: grpcFrame(encode(PutRequest, put)),
                address: { url },
                serverPid: pid,
                connections,
                streams,
                seconds,
              })
              return unaryFigures(`puts of ${VALUE_BYTES} B, ${connections} × ${streams}`, result)
            },
          )
          rows.push(...rowsOfEach(names, measured))
        }
        return rows
      }),
    ),
}

export const replicationFull: BenchCase = {
  name: 'replication-full',
  about: `${PACED.perSecond} puts/s while ${LARGE_KEYS} keys of ${LARGE_VALUE_BYTES} B are sent to a directory`,
  run: async ({ rounds }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'bench-large-'))
    try {
      const filling = { prefix: 'bench/large/', keys: LARGE_KEYS, valueBytes: LARGE_VALUE_BYTES }
      await withServer(false, ({ url }) => fill(url, { ...filling, times: 1 }), dataDir)
      const measured = await alternate([false, true], rounds, (sends) =>
        withServer(sends, sends ? besideFull : besideNothing, dataDir),
      )
      return rowsOfEach(names, measured)
    } finally {
      await rm(dataDir, { recursive: true })
    }
  },
}

function besideNothing(server: Server): Promise<Figures> {
  return paced(server, async () => {
    for (let ms = 0; ms < BESIDE_NOTHING_SECONDS * 1000; ms += ASKED_MS) {
      await fulls(server)
      await sleep(ASKED_MS)
    }
  })
}

/** The first write sets it off. */
async function besideFull(server: Server): Promise<Figures> {
  let seconds = Number.NaN
  const figures = await paced(server, async () => {
    const start = performance.now()
    while ((await fulls(server)) === 0) {
      if (performance.now() - start > FULL_SECONDS_MAX * 1000) {
        throw new Error(`no full in ${FULL_SECONDS_MAX} s`)
      }
      await sleep(ASKED_MS)
    }
    // It begins with the first segment's time.
    seconds = (performance.now() - start) / 1000
  })
  return { ...figures, 'until the full was sent, s': seconds }
}

async function fulls({ url }: Server): Promise<number> {
  return (await readMetrics(url)).get('etcdurable_snapshot_fulls_total') ?? 0
}

async function paced({ url, pid }: Server, body: () => Promise<void>): Promise<Figures> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const connection = await H2Connection.open({ url }, reject)
  // What a start leaves to be compiled is not measured.
  await pacedPuts(connection, { ...PACED, seconds: 3 }, () => undefined)
  const waits: number[] = []
  const over = new AbortController()
  const { growth } = await growthWhile(pid, async () => {
    const puts = (async () => {
      while (!over.signal.aborted) {
        await pacedSecond(connection, waits)
      }
    })()
    await Promise.race([body(), broken])
    over.abort()
    await puts
  })
  connection.close()
  return {
    'put p50, ms': percentile(waits, 0.5),
    'put p99, ms': percentile(waits, 0.99),
    'server grows by MB': (growth ?? Number.NaN) / 1e6,
  }
}

/** The answers come in the order of the puts: one stream of the keyspace's. */
async function pacedSecond(connection: H2Connection, waits: number[]): Promise<void> {
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  const { promise, resolve } = Promise.withResolvers<void>()
  const start = performance.now()
  let sent = 0
  let answered = 0
  const timer = setInterval(() => {
    const due = Math.min(((performance.now() - start) / 1000) * PACED.perSecond, PACED.perSecond)
    for (; sent < due; sent++) {
      const key = Buffer.from(`${PACED.prefix}${sent}`)
      const sentAt = performance.now()
      const frame = grpcFrame(encode(PutRequest, create(PutRequest, { key, value })))
      connection.call('/etcdserverpb.KV/Put', frame, () => {
        waits.push(performance.now() - sentAt)
        answered++
        if (answered === PACED.perSecond) {
          resolve()
        }
      })
    }
    if (sent === PACED.perSecond) {
      clearInterval(timer)
    }
  }, 1)
  await promise
}
