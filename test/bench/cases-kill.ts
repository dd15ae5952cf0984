import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchCase, Row } from './bench-case.ts'
import type { Contestant } from './contestant.ts'
import { keyAt } from './keys.ts'
import { currentRevision, KillCheck } from './kill-check.ts'
import { type Counter, KillLoad } from './kill-load.ts'

const WRITTEN = 'kill/'
const COUNTERS = 4
/** From the first acknowledged write to the kill, at most. */
const KILL_MS_MAX = 400
const FAULTS_SHOWN = 10

export const kill: BenchCase = {
  name: 'kill',
  about:
    'kill -9 under load, a round each: what was acknowledged and is missing (ours; --rounds 200)',
  run: async ({ contestants: [us], rounds }) => {
    if (us === undefined) {
      return []
    }
    const dataDir = await mkdtemp(join(tmpdir(), 'bench-kill-'))
    try {
      return await campaign(us, dataDir, rounds)
    } finally {
      await rm(dataDir, { recursive: true })
    }
  },
}

async function campaign(us: Contestant, dataDir: string, rounds: number): Promise<readonly Row[]> {
  const counters: Counter[] = Array.from({ length: COUNTERS }, (_, place) => {
    return { key: `counter/${place}`, revision: 0, version: 0, before: 0 }
  })
  let server = await us.start({ dataDir })
  const check = new KillCheck(await currentRevision(server.address))
  for (let round = 0; round < rounds; round++) {
    const prefix = `${keyAt(WRITTEN, round)}/`
    const load = new KillLoad(server, prefix, counters)
    await load.begun
    await sleep(Math.random() * KILL_MS_MAX)
    await load.kill()
    server = await us.start({ dataDir })
    await check.round(server.address, prefix, load.acknowledged, counters)
  }
  await check.all(server.address, WRITTEN)
  await server.stop()
  const { missing, misapplied } = check.faults
  if (missing.length + misapplied.length > 0) {
    console.error([...missing, ...misapplied].slice(0, FAULTS_SHOWN).join('\n'))
    process.exitCode = 1
  }
  const total = (name: string, value: number): Row => ({
    name: `kill -9 ${rounds} times, ${name}`,
    rounds: [[value]],
  })
  return [
    total('writes acknowledged', check.acknowledged),
    total('of them missing', missing.length),
    total('applied twice, or not whole', misapplied.length),
  ]
}
