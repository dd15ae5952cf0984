import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What those who wait take in a shard of our default runtime, with both ends of their sockets. */
export interface ShardPolls {
  /** Of the heap, and of what is outside. */
  readonly bytesEach: number
  readonly timers: number
  /** How many heard of one change at the path of one, and one elsewhere. */
  readonly woken: number
}

/** Measured in a process of its own, by shard-polls-process.ts. */
export async function measureShardPolls(polls: number): Promise<ShardPolls> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-polls-'))
  const script = fileURLToPath(new URL('shard-polls-process.ts', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      script,
      String(polls),
      directory,
    ])
    return JSON.parse(stdout) as ShardPolls
  } finally {
    await rm(directory, { recursive: true })
  }
}
