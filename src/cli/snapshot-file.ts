import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { EtcdFile, HASH_BYTES } from '../etcd-file/etcd-file.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import type { Source } from '../etcd-file/source.ts'
import { type FileStatus, statusOfFile } from '../etcd-file/status.ts'
import { Failure, systemErrorCode } from './failure.ts'

/** What is hashed between two looks at the file. */
const CHUNK_BYTES = 1024 * 1024

/** A file of etcd's that was found whole. */
export interface SnapshotFile {
  readonly file: EtcdFile
  readonly status: FileStatus
}

/**
 * Opens a file, reads all of it once, and calls `use` with it while it is open. Throws Failure, in a
 * line with the file's name, where it cannot be read, is damaged, cut off, or none of etcd's: also where
 * `use` finds it so.
 */
export function withSnapshotFile<T>(
  path: string,
  use: (found: SnapshotFile) => T | Promise<T>,
): Promise<T> {
  return withEtcdFile(path, (file, source) => {
    if (file.hasHash) {
      requireHash(source)
    }
    return use({ file, status: statusOfFile(file) })
  })
}

/** The same of a file that was found whole before. */
export async function withEtcdFile<T>(
  path: string,
  use: (file: EtcdFile, source: Source) => T | Promise<T>,
): Promise<T> {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const source = sourceOf(descriptor)
    return await use(new EtcdFile(source), source)
  } catch (error) {
    if (error instanceof FileProblem) {
      throw new Failure(`${path} ${error.message}`)
    }
    const code = systemErrorCode(error)
    throw code === undefined ? error : new Failure(`cannot read ${path}: ${code}`)
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor)
    }
  }
}

function sourceOf(descriptor: number): Source {
  return {
    length: fstatSync(descriptor).size,
    read: (offset, length) => {
      const bytes = new Uint8Array(length)
      const read = readSync(descriptor, bytes, 0, length, offset)
      if (read < length) {
        throw new FileProblem('has become shorter while it was read')
      }
      return bytes
    },
  }
}

function requireHash(source: Source): void {
  const hash = createHash('sha256')
  const end = source.length - HASH_BYTES
  for (let offset = 0; offset < end; offset += CHUNK_BYTES) {
    hash.update(source.read(offset, Math.min(CHUNK_BYTES, end - offset)))
  }
  if (!hash.digest().equals(source.read(end, HASH_BYTES))) {
    throw new FileProblem('is damaged: the SHA-256 at its end is not that of what is before it')
  }
}
