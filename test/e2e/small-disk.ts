// A disk of a few megabytes, in memory, which a test can fill.
import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SmallDisk {
  readonly path: string
  /** Writes of somebody else, until so many bytes are free. */
  fill(freeBytes: number): Promise<void>
  /** Takes those away again. */
  clear(): Promise<void>
  remove(): Promise<void>
}

/** Undefined where this user may mount none. */
export async function smallDisk(megabytes: number): Promise<SmallDisk | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'etcdurable-disk-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'etcdurable-test', path])
  } catch {
    await rm(path, { recursive: true })
    return undefined
  }
  const others = join(path, 'others')
  return {
    path,
    fill: async (freeBytes) => {
      await writeFile(others, '')
      const { bavail, bsize } = await statfs(path)
      await appendFile(others, Buffer.alloc(bavail * bsize - freeBytes))
    },
    clear: () => rm(others),
    remove: async () => {
      await run('umount', [path])
      await rm(path, { recursive: true })
    },
  }
}
