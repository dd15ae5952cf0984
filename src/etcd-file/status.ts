import { crc32c } from '../mvcc/crc32c.ts'
import { RowSum } from '../mvcc/row-sum.ts'
import type { Revision } from '../mvcc/types.ts'
import type { BucketEntry, EtcdFile } from './etcd-file.ts'
import { recordOf } from './record.ts'

/** What `etcdutl snapshot status` tells of a file, and by what a restore is checked. */
export interface FileStatus {
  /** CRC-32C of all buckets: names, keys and values. */
  readonly hash: number
  /** That of the last change, as etcdutl has it: where the last ones are compacted, it is below the current one. */
  readonly revision: Revision
  readonly totalKey: number
  /** Of the pages in use, in bytes. */
  readonly totalSize: number
  /** Empty for files of etcd 3.5 and earlier. */
  readonly version: string
  /** CRC-32C of the changes alone, as `changesSum` has it. */
  readonly changesSum: number
}

/**
 * Reads all of the file: whatever is damaged in it is found. The keys that live are in memory meanwhile,
 * and nothing else that grows with the file. Throws FileProblem.
 */
export function statusOfFile(file: EtcdFile): FileStatus {
  const tally = new Tally()
  for (const { name, entries } of file.buckets()) {
    tally.sum(utf8.encode(name))
    for (const entry of entries) {
      tally.add(entry)
    }
  }
  const { hash, revision, version, changes } = tally
  const totalKey = tally.living.size
  return { hash, revision, totalKey, totalSize: file.bytes, version, changesSum: changes.checksum }
}

class Tally {
  hash = 0
  revision: Revision = 0
  version = ''
  readonly living = new Set<string>()
  readonly changes = new RowSum(0)

  sum(bytes: Uint8Array): void {
    this.hash = crc32c(bytes, this.hash)
  }

  add(entry: BucketEntry): void {
    this.sum(entry.key)
    this.sum(entry.value)
    const record = recordOf(entry)
    if (record.kind === 'change') {
      const { change } = record
      this.revision = change.main
      this.changes.add(change, change.kv)
      const key = latin1.decode(change.kv.key)
      if (change.deleted) {
        this.living.delete(key)
      } else {
        this.living.add(key)
      }
    } else if (record.kind === 'mark') {
      this.revision = record.revision
      // etcdutl counts it: a key without a name.
      this.living.add('')
    } else if (entry.bucket === 'meta' && latin1.decode(entry.key) === 'storageVersion') {
      this.version = latin1.decode(entry.value)
    }
  }
}

const utf8 = new TextEncoder()
/** A text for each sequence of bytes, and another one for each other. */
const latin1 = new TextDecoder('latin1')
