import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Puts a copy without its free pages in the place of a database that nobody has open, and whose
 * write-ahead log is empty on disk. The power may be cut at any time: one of the two is there, whole.
 * Throws where there is no room for a copy; then nothing has changed.
 */
export function defragmentFile(path: string): void {
  const copy = copyPath(path)
  removeCopy(path)
  try {
    const database = new DatabaseSync(path)
    try {
      // With the index of the log in memory, as in sqlite-file.ts.
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      database.prepare('VACUUM INTO ?').run(copy)
    } finally {
      database.close()
    }
    syncPath(copy)
    renameSync(copy, path)
  } catch (error) {
    removeCopy(path)
    throw error
  }
  syncPath(dirname(path))
}

/** Of a copy that was never finished. */
export function removeCopy(path: string): void {
  rmSync(copyPath(path), { force: true })
  rmSync(`${copyPath(path)}-journal`, { force: true })
}

const copyPath = (path: string): string => `${path}-defragmented`

/** What was written to a file, or the names in a directory, are on disk when this returns. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
