import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Running } from './contestant.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { runLoad } from './load.ts'
import { rangeJson } from './messages.ts'
import { growthWhile } from './resident-memory.ts'
import { withStored } from './stored-contestants.ts'

const PREFIX = 'bench/large/'
const KEYS = 300_000
const VALUE_BYTES = 1024

export const largeRange: BenchCase = {
  name: 'large-range',
  about: `JSON range without limit over ${KEYS} keys of ${VALUE_BYTES} B, just after a start`,
  run: ({ contestants, rounds }) =>
    withStored(
      contestants,
      { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 },
      (stored) => alternate(stored, rounds, ({ run }) => run(readAll)),
    ),
}

async function readAll({ url, pid, bridgePid }: Running): Promise<Figures> {
  const path = '/v3/kv/range'
  // The first answer brings in what every answer needs.
  await runLoad({ kind: 'download', url, path, body: rangeJson(keyAt(PREFIX, 0)) })
  const body = rangeJson(PREFIX, prefixEnd(PREFIX))
  const read = () => runLoad({ kind: 'download', url, path, body })
  const { result: bridge, growth } = await growthWhile(pid, () => growthWhile(bridgePid, read))
  const { result } = bridge
  if (result.keys !== KEYS) {
    throw new Error(`${result.keys} keys came of ${KEYS}`)
  }
  return {
    'range over 300 MB, MB of JSON': result.bytes / 1e6,
    'range over 300 MB, s': result.seconds,
    ...(growth !== undefined && { 'range over 300 MB, memory grows by MB': growth / 1e6 }),
    ...(bridge.growth !== undefined && {
      'range over 300 MB, bridge grows by MB': bridge.growth / 1e6,
    }),
  }
}
