import { RangeRequest, RangeStreamResponse } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { call } from '../oracle/grpc.ts'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { runLoad } from './load.ts'
import { growthWhile } from './resident-memory.ts'
import { withStored } from './stored-contestants.ts'

const PREFIX = 'bench/objects/'
const KEYS = 10_000
const VALUE_BYTES = 10_000

export const grpcList: BenchCase = {
  name: 'grpc-list',
  about: `gRPC list of ${KEYS} keys of ${VALUE_BYTES} B, by Range and by RangeStream`,
  run: ({ contestants, rounds }) =>
    withStored(
      contestants,
      { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 },
      (stored) =>
        alternate(stored, rounds, async ({ run }) => ({
          ...(await run((server) => list(server, 'RangeStream'))),
          ...(await run((server) => list(server, 'Range'))),
        })),
    ),
}

async function list(
  { url, pid, bridgePid }: Running,
  method: 'RangeStream' | 'Range',
): Promise<Figures> {
  const streamed = method === 'RangeStream'
  // The first answer brings in what every answer needs.
  if (!(await offersRangeStream(url)) && streamed) {
    return {}
  }
  const keys = { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES }
  const download = () => runLoad({ kind: 'grpc-download', url, ...keys, streamed })
  const { result, growth } = await growthWhile(pid, () => growthWhile(bridgePid, download))
  const name = `list of 10k keys by ${method}`
  return {
    [`${name}, MB`]: result.result.bytes / 1e6,
    [`${name}, s`]: result.result.seconds,
    ...(growth !== undefined && { [`${name}, server grows by MB`]: growth / 1e6 }),
    ...(result.growth !== undefined && { [`${name}, bridge grows by MB`]: result.growth / 1e6 }),
  }
}

/** etcd streams lists since 3.7. */
export async function offersRangeStream(url: string): Promise<boolean> {
  const types = { request: RangeRequest, response: RangeStreamResponse }
  const request = create(RangeRequest, { key: Buffer.from(PREFIX) })
  return (await call(url, '/etcdserverpb.KV/RangeStream', types, request)) !== undefined
}
