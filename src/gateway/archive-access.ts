import type { Manifest } from '../archive/manifest.ts'
import type { ArchiveName } from '../archive/names.ts'
import { objectStoreOf } from '../object-store/object-store-of.ts'
import { ObjectStoreError } from '../object-store/object-store.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { ArchiveReader, archivesOf } from '../recovery/archive-reader.ts'
import { BrokenArchive, NotKept } from '../recovery/broken-archive.ts'
import type { Target } from '../recovery/point.ts'

/** An archive that has something in it. */
export interface OpenArchive {
  readonly archive: ArchiveName
  readonly generations: readonly number[]
  readonly reader: ArchiveReader
  readonly manifest: Manifest
}

/** That of a keyspace's name: of the generation, or the latest. Throws RpcStatus. */
export async function openArchive(
  env: Env,
  keyspace: string,
  generation?: number,
): Promise<OpenArchive> {
  const objects = objectStoreOf(env)
  if (objects === undefined) {
    throw statusOf('no-snapshot-store')
  }
  const archives = await archivesOf(objects, keyspace)
  const archive =
    generation === undefined
      ? archives.at(-1)
      : archives.find((one) => one.generation === generation)
  if (archive === undefined) {
    throw new RpcStatus(Code.NOT_FOUND, `there are no snapshots of keyspace ${keyspace}`)
  }
  const reader = new ArchiveReader(objects, archive)
  const manifest = await reader.latestManifest()
  if (manifest === undefined || manifest.fulls.length === 0) {
    throw new RpcStatus(Code.NOT_FOUND, `no snapshot of keyspace ${keyspace} is complete yet`)
  }
  return { archive, generations: archives.map((one) => one.generation), reader, manifest }
}

/** What a request means by its fields. */
export function targetOf(revision: number | undefined, time: string | undefined): Target {
  if (revision !== undefined) {
    return { revision }
  }
  return time === undefined ? { latest: true } : { time: Date.parse(time) }
}

/** What goes wrong at reading an archive, as an RpcStatus. */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw statusOfReading(error)
  }
}

function statusOfReading(error: unknown): unknown {
  if (error instanceof BrokenArchive) {
    return new RpcStatus(Code.DATA_LOSS, `the archive is damaged: ${error.message}`)
  }
  if (error instanceof NotKept) {
    return new RpcStatus(Code.OUT_OF_RANGE, error.message)
  }
  if (error instanceof ObjectStoreError) {
    const code = error.retryable ? Code.UNAVAILABLE : Code.FAILED_PRECONDITION
    return new RpcStatus(code, error.message)
  }
  return error
}
