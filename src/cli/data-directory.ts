import { accessSync, constants, existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure, systemErrorCode } from './failure.ts'
import { shardUniqueKey } from './workerd-config.ts'

/** Below a data directory: this node's copies of what the cluster's bucket holds. */
export const CLUSTER_STORAGE = 'cluster'

/** How long a predecessor that was just killed may take to let go of its files. */
const patienceMs = 1000

/** A directory that this process alone may serve from, until `release` or its end. */
export interface DataDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string
  release(): void
}

/** Creates the directory where it is missing and locks it. Throws Failure. */
export function openDataDirectory(directory: string, isOfCluster = false): DataDirectory {
  const storage = isOfCluster ? CLUSTER_STORAGE : 'shard'
  const path = createDirectory(directory, storage)
  // SQLite's lock is one of the kernel's, gone with the process however that ends.
  const lock = openLocked(join(path, 'lock'), directory)
  try {
    refuseOther(path, directory, isOfCluster)
    refuseOrphan(join(path, storage), directory)
  } catch (error) {
    lock.close()
    throw error
  }
  return { path, release: () => lock.close() }
}

function createDirectory(directory: string, storage: string): string {
  try {
    makeDirectory(resolve(directory, storage))
    const path = realpathSync(directory)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    accessSync(join(path, storage), constants.R_OK | constants.W_OK | constants.X_OK)
    return path
  } catch (error) {
    throw unwritable(directory, error)
  }
}

/** What one node alone has written is not the cluster's, nor the other way round. */
function refuseOther(path: string, directory: string, isOfCluster: boolean): void {
  if (isOfCluster && existsSync(join(path, 'shard', shardUniqueKey))) {
    throw new Failure(
      `data directory "${directory}" holds what one member alone has stored: give the cluster another --data-dir, and move in with etcdctl snapshot save and npm start -- snapshot restore`,
    )
  }
  if (!isOfCluster && existsSync(join(path, CLUSTER_STORAGE, shardUniqueKey))) {
    throw new Failure(
      `data directory "${directory}" is of a node of a cluster: --cluster-bucket is missing`,
    )
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
function refuseOrphan(storage: string, directory: string): void {
  const alarms = join(storage, shardUniqueKey, 'metadata.sqlite')
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
