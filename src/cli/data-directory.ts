import { accessSync, constants, existsSync, mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure, systemErrorCode } from './failure.ts'
import { shardUniqueKey } from './workerd-config.ts'

/** A directory that this process alone may serve from, until `release` or its end. */
export interface DataDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string
  release(): void
}

/** Creates the directory where it is missing and locks it. Throws Failure. */
export function openDataDirectory(directory: string): DataDirectory {
  const path = createDirectory(directory)
  // SQLite's lock is one of the kernel's, gone with the process however that ends.
  const lock = new DatabaseSync(join(path, 'lock'))
  try {
    lockExclusively(lock, directory)
    refuseOrphan(path, directory)
  } catch (error) {
    lock.close()
    throw error
  }
  return { path, release: () => lock.close() }
}

function createDirectory(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const path = realpathSync(directory)
    mkdirSync(join(path, 'shard'), { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    accessSync(join(path, 'shard'), constants.R_OK | constants.W_OK | constants.X_OK)
    return path
  } catch (error) {
    throw new Failure(`cannot write to data directory "${directory}": ${describe(error)}`)
  }
}

function describe(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'not a directory'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'EROFS':
      return 'read-only file system'
    case 'ENOSPC':
      return 'no space left on device'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}

function lockExclusively(database: DatabaseSync, directory: string): void {
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    if (error instanceof Error && error.message === 'database is locked') {
      throw new Failure(`data directory "${directory}" is in use by another server`)
    }
    throw error
  }
}

/**
 * A workerd whose starter was killed lives on without our lock, but it keeps its table of alarms
 * open, and two of them on one keyspace would be two leaders.
 */
function refuseOrphan(path: string, directory: string): void {
  const alarms = join(path, 'shard', shardUniqueKey, 'metadata.sqlite')
  if (existsSync(alarms)) {
    const database = new DatabaseSync(alarms)
    try {
      lockExclusively(database, directory)
    } finally {
      database.close()
    }
  }
}
