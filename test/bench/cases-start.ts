import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../oracle/free-port.ts'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Contestant, Running } from './contestant.ts'
import { firstAnswer, grpcRange } from './grpc-call.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { createObjects } from './object-filling.ts'
import { usageOfTree } from './process-usage.ts'

const OBJECTS = { prefix: '/registry/bench/', keys: 10_000, valueBytes: 1000 }
const ASK_EVERY_MS = 2
const START_MS_MAX = 60_000
/** What a server gives back to the system it gives back in that time. */
const REST_MS = 2000

export const secondStart: BenchCase = {
  name: 'second-start',
  about: `second start to the first answer, and resident memory, with ${OBJECTS.keys} objects of ${OBJECTS.valueBytes} B`,
  forKubernetes: true,
  run: ({ contestants, rounds }) => alternate(contestants, rounds, measured),
}

async function measured(contestant: Contestant): Promise<Figures> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-start-'))
  try {
    const first = await contestant.start({ dataDir })
    const filled = await stopping(first, async () => {
      await createObjects(first.address, OBJECTS)
      return memory(first, 'just filled')
    })
    const port = await freePort()
    const began = performance.now()
    const starting = contestant.start({ dataDir, port })
    const address = { url: `http://127.0.0.1:${port}` }
    const { count } = await firstAnswer(
      address,
      keyAt(OBJECTS.prefix, 0),
      ASK_EVERY_MS,
      START_MS_MAX,
    )
    const ms = performance.now() - began
    const second = await starting
    const listed = await stopping(second, async () => {
      const [key, rangeEnd] = [Buffer.from(OBJECTS.prefix), Buffer.from(prefixEnd(OBJECTS.prefix))]
      const { kvs } = await grpcRange(second.address, { key, rangeEnd })
      if (count !== 1 || kvs.length !== OBJECTS.keys) {
        throw new Error(`${kvs.length} keys are left of ${OBJECTS.keys}`)
      }
      return memory(second, 'started again and listed once')
    })
    return { 'second start to the first answer, ms': ms, ...filled, ...listed }
  } finally {
    await rm(dataDir, { recursive: true })
  }
}

async function stopping<T>(server: Running, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } finally {
    await server.stop()
  }
}

async function memory({ rootPid }: Running, when: string): Promise<Figures> {
  await sleep(REST_MS)
  const { residentBytes, bytes } = usageOfTree(rootPid)
  const name = `memory with ${OBJECTS.keys} objects, ${when}`
  return {
    [`${name}, resident MB`]: residentBytes / 1e6,
    [`${name}, of that not mapped from files, MB`]: bytes / 1e6,
  }
}
