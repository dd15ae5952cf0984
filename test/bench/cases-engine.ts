import { alternate, type BenchCase } from './bench-case.ts'
import { startEngine } from './engine-server.ts'

const KEYS = 20_000
const VALUE_BYTES = 256
const LISTS = 10
/** A thousand keys that are put again and again, as the leases of nodes are. */
const HOT_KEYS = 1_000
const HOT_TIMES = 10

/** Only ours: nobody reaches etcd's engine without the rest of etcd. */
export const engine: BenchCase = {
  name: 'engine',
  about: `the engine alone in workerd: ${KEYS} keys of ${VALUE_BYTES} B in one event and one commit`,
  run: async ({ rounds }) => {
    const server = await startEngine()
    try {
      // The first round of all is not counted: the code is compiled while it runs.
      await measure(-1)
      return await alternate([server], rounds, (_, round) => measure(round))
    } finally {
      await server.stop()
    }

    async function measure(round: number): Promise<Readonly<Record<string, number>>> {
      const keys = { prefix: `bench/${round}/`, keys: KEYS, times: 1, valueBytes: VALUE_BYTES }
      const createMs = await server.run({ do: 'put', ...keys })
      const overwriteMs = await server.run({ do: 'put', ...keys })
      let hotMs = 0
      for (let time = 0; time < HOT_TIMES; time++) {
        hotMs += await server.run({ do: 'put', ...keys, keys: HOT_KEYS })
      }
      const getMs = await server.run({ do: 'get', ...keys })
      const listMs = await server.run({ do: 'list', ...keys, times: LISTS })
      return {
        'engine, creating puts per s': (KEYS / createMs) * 1000,
        'engine, overwriting puts per s': (KEYS / overwriteMs) * 1000,
        'engine, repeated puts per s': ((HOT_KEYS * HOT_TIMES) / hotMs) * 1000,
        'engine, get, µs': (getMs / KEYS) * 1000,
        'engine, listed row, µs': (listMs / KEYS / LISTS) * 1000,
      }
    }
  },
}
