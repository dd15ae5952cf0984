import { encode } from '../../src/protocol/binary.ts'
import { RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { alternate, type BenchCase, type Figures, withRunning } from './bench-case.ts'
import { offersRangeStream } from './cases-grpc-list.ts'
import type { Running } from './contestant.ts'
import { grpcRange } from './grpc-call.ts'
import { grpcFrame } from './grpc-connection.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { runLoad } from './load.ts'
import { createObjects } from './object-filling.ts'

const OBJECTS = { prefix: '/registry/bench/', keys: 10_000, valueBytes: 1000 }
const PAGE = 500

export const objectList: BenchCase = {
  name: 'object-list',
  about: `gRPC list of ${OBJECTS.keys} keys of ${OBJECTS.valueBytes} B over and over, whole, streamed, in pages`,
  forKubernetes: true,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, async (running) => {
      for (const { address } of running) {
        await createObjects(address, OBJECTS)
        await requireAll(address)
      }
      return alternate(running, rounds, async (server) => ({
        ...(await measured(server, seconds, ways.whole)),
        ...((await offersRangeStream(server.url)) &&
          (await measured(server, seconds, ways.streamed))),
        ...(await measured(server, seconds, ways.paged)),
      }))
    }),
}

interface Way {
  readonly called: string
  readonly method: string
  /** All of the list, one after the other. */
  readonly frames: readonly Uint8Array[]
}

const ways = {
  whole: { called: 'Range', method: '/etcdserverpb.KV/Range', frames: [listFrame(0, 0)] },
  streamed: {
    called: 'RangeStream',
    method: '/etcdserverpb.KV/RangeStream',
    frames: [listFrame(0, 0)],
  },
  paged: {
    called: `pages of ${PAGE}`,
    method: '/etcdserverpb.KV/Range',
    frames: Array.from({ length: OBJECTS.keys / PAGE }, (_, page) => listFrame(page * PAGE, PAGE)),
  },
} satisfies Readonly<Record<string, Way>>

/** From the key of that number on to the end of the prefix. */
function listFrame(first: number, limit: number): Uint8Array {
  const key = first === 0 ? OBJECTS.prefix : keyAt(OBJECTS.prefix, first)
  const range = { key: Buffer.from(key), rangeEnd: Buffer.from(prefixEnd(OBJECTS.prefix)), limit }
  return grpcFrame(encode(RangeRequest, create(RangeRequest, range)))
}

async function measured(
  { address, rootPid }: Running,
  seconds: number,
  { called, method, frames }: Way,
): Promise<Figures> {
  const load = { address, serverPid: rootPid, connections: 1, streams: 1, seconds }
  const result = await runLoad({ kind: 'grpc-cycle', method, frames, ...load })
  const name = `list of ${OBJECTS.keys} keys by ${called}`
  return {
    [`${name}, ms`]: result.p50Ms * frames.length,
    [`${name}, processor ms`]: (result.cpuMicros / 1000) * frames.length,
  }
}

/** A short list would be a fast one. */
async function requireAll(address: Running['address']): Promise<void> {
  const [key, rangeEnd] = [Buffer.from(OBJECTS.prefix), Buffer.from(prefixEnd(OBJECTS.prefix))]
  const { kvs } = await grpcRange(address, { key, rangeEnd })
  if (kvs.length !== OBJECTS.keys || kvs.some((kv) => kv.value.length !== OBJECTS.valueBytes)) {
    throw new Error(`${kvs.length} keys came of ${OBJECTS.keys}, or others`)
  }
}
