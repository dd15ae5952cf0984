import { encode } from '../../src/protocol/binary.ts'
import { HashKVRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { alternate, type BenchCase, type Figures, type Row } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { grpcCall } from './grpc-call.ts'
import { withStored } from './stored-contestants.ts'

const PREFIX = 'bench/hashkv/'
const FILLINGS = [
  { prefix: PREFIX, keys: 300, valueBytes: 1_000_000, times: 1 },
  { prefix: PREFIX, keys: 300_000, valueBytes: 1024, times: 1 },
]

export const hashKv: BenchCase = {
  name: 'hashkv',
  about: 'gRPC HashKV of 300 keys of 1 MB, and of 300000 keys of 1 KiB, just after a start',
  run: async ({ contestants, rounds }) => {
    const all: (readonly Row[])[] = []
    for (const filling of FILLINGS) {
      all.push(
        await withStored(contestants, filling, (stored) =>
          alternate(stored, rounds, ({ run }) =>
            run((server) => hashed(server, filling.keys, filling.valueBytes)),
          ),
        ),
      )
    }
    return all.flat()
  },
}

async function hashed({ address }: Running, keys: number, valueBytes: number): Promise<Figures> {
  const request = encode(HashKVRequest, create(HashKVRequest, {}))
  const start = performance.now()
  await grpcCall(address, '/etcdserverpb.Maintenance/HashKV', request)
  const seconds = (performance.now() - start) / 1000
  return { [`HashKV of ${keys} × ${valueBytes} B, MB/s`]: (keys * valueBytes) / 1e6 / seconds }
}
