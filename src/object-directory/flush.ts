import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isThere, present } from './file-calls.ts'

/** Writes a new file that this user alone may read; it is on disk when this resolves, its name may not be. */
export async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, at)
      at += bytesWritten
    }
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Brings to disk what has which name in a folder. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** One step at a time: mkdir's own recursion never ends where the kernel refuses a path as /proc does. */
export async function makeOuter(folder: string): Promise<void> {
  const above = dirname(folder)
  if (!(await isThere(above))) {
    await makeOuter(above)
  }
  await present(mkdir(folder, { mode: 0o700 }))
  await flushFolder(above)
}
