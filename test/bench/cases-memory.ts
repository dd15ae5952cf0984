import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Contestant } from './contestants.ts'
import { fill } from './fill.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { runLoad } from './load.ts'
import { rangeJson } from './messages.ts'
import { growthWhile } from './resident-memory.ts'

const PREFIX = 'bench/large/'
const KEYS = 300_000
const VALUE_BYTES = 1024

export const largeRange: BenchCase = {
  name: 'large-range',
  about: `JSON range without limit over ${KEYS} keys of ${VALUE_BYTES} B, just after a start`,
  run: async ({ contestants, rounds }) => {
    const stored: { contestant: Contestant; dataDir: string }[] = []
    try {
      for (const contestant of contestants) {
        const dataDir = await mkdtemp(join(tmpdir(), 'bench-large-range-'))
        stored.push({ contestant, dataDir })
        const server = await contestant.start(dataDir)
        await fill(server.url, { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 })
        await server.stop()
      }
      return await alternate(stored, rounds, readAll)
    } finally {
      await Promise.all(stored.map(({ dataDir }) => rm(dataDir, { recursive: true })))
    }
  },
}

async function readAll(of: { contestant: Contestant; dataDir: string }): Promise<Figures> {
  const server = await of.contestant.start(of.dataDir)
  try {
    const path = '/v3/kv/range'
    const { url, pid } = server
    // The first answer brings in what every answer needs.
    await runLoad({ kind: 'download', url, path, body: rangeJson(keyAt(PREFIX, 0)) })
    const body = rangeJson(PREFIX, prefixEnd(PREFIX))
    const read = () => runLoad({ kind: 'download', url, path, body })
    const { result, growth } =
      pid === undefined ? { result: await read(), growth: undefined } : await growthWhile(pid, read)
    if (result.keys !== KEYS) {
      throw new Error(`${result.keys} keys came of ${KEYS}`)
    }
    return {
      'range over 300 MB, MB of JSON': result.bytes / 1e6,
      'range over 300 MB, s': result.seconds,
      ...(growth !== undefined && { 'range over 300 MB, memory grows by MB': growth / 1e6 }),
    }
  } finally {
    await server.stop()
  }
}
