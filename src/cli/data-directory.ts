import { accessSync, constants, existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure, systemErrorCode } from './failure.ts'
import { shardUniqueKey } from './workerd-config.ts'

/** How long a predecessor that was just killed may take to let go of its files. */
const patienceMs = 1000

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
  const lock = openLocked(join(path, 'lock'), directory)
  try {
    refuseOrphan(path, directory)
  } catch (error) {
    lock.close()
    throw error
  }
  return { path, release: () => lock.close() }
}

function createDirectory(directory: string): string {
  try {
    makeDirectory(resolve(directory, 'shard'))
    const path = realpathSync(directory)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    accessSync(join(path, 'shard'), constants.R_OK | constants.W_OK | constants.X_OK)
    return path
  } catch (error) {
    throw unwritable(directory, error)
  }
}

/** Not mkdir's own recursion: that never ends where the kernel refuses a path as /proc does. */
function makeDirectory(path: string): void {
  if (!existsSync(path)) {
    makeDirectory(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

/** Opens a database that nobody else has open. */
function openLocked(file: string, directory: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: patienceMs })
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    throw describe(error) === 'database is locked'
      ? new Failure(`data directory "${directory}" is in use by another server`)
      : unwritable(directory, error)
  }
}

/**
 * A workerd whose starter was killed lives on without our lock, but it keeps its table of alarms
 * open, and two of them on one keyspace would be two leaders.
 */
function refuseOrphan(path: string, directory: string): void {
  const alarms = join(path, 'shard', shardUniqueKey, 'metadata.sqlite')
  if (existsSync(alarms)) {
    openLocked(alarms, directory).close()
  }
}

function unwritable(directory: string, error: unknown): Failure {
  return new Failure(`cannot write to data directory "${directory}": ${describe(error)}`)
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
