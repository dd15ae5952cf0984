import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contestant, Running } from './contestant.ts'
import { fill, type Filling } from './fill.ts'

/** A contestant whose keyspace was filled, and which starts with it whenever it is measured. */
export interface Stored {
  readonly run: <T>(use: (server: Running) => Promise<T>) => Promise<T>
}

/** What memory a server needs shows only just after a start: filling leaves plenty of it behind. */
export async function withStored<T>(
  contestants: readonly Contestant[],
  filling: Filling,
  use: (stored: readonly Stored[]) => Promise<T>,
): Promise<T> {
  const folders: string[] = []
  try {
    const stored: Stored[] = []
    for (const contestant of contestants) {
      const dataDir = await mkdtemp(join(tmpdir(), 'bench-stored-'))
      folders.push(dataDir)
      const run: Stored['run'] = async (measure) => {
        const server = await contestant.start({ dataDir })
        try {
          return await measure(server)
        } finally {
          await server.stop()
        }
      }
      await run(({ url }) => fill(url, filling))
      stored.push({ run })
    }
    return await use(stored)
  } finally {
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
  }
}
