import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { runLoad } from './load.ts'
import { growthWhile } from './resident-memory.ts'
import { withStored } from './stored-contestants.ts'

const PREFIX = 'bench/snapshot/'
const KEYS = 300_000
const VALUE_BYTES = 1024

export const snapshot: BenchCase = {
  name: 'snapshot',
  about: `gRPC Snapshot of ${KEYS} keys of ${VALUE_BYTES} B, just after a start`,
  run: ({ contestants, rounds }) =>
    withStored(
      contestants,
      { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 },
      (stored) => alternate(stored, rounds, ({ run }) => run(take)),
    ),
}

async function take({ url, pid, bridgePid }: Running): Promise<Figures> {
  const read = () => runLoad({ kind: 'snapshot-download', url })
  const { result, growth } = await growthWhile(pid, () => growthWhile(bridgePid, read))
  const { bytes, seconds } = result.result
  return {
    'snapshot of 300 MB, size in MB': bytes / 1e6,
    'snapshot of 300 MB, MB/s': bytes / 1e6 / seconds,
    ...(growth !== undefined && { 'snapshot of 300 MB, server grows by MB': growth / 1e6 }),
    ...(result.growth !== undefined && {
      'snapshot of 300 MB, bridge grows by MB': result.growth / 1e6,
    }),
  }
}
