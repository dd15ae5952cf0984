import type { BucketEntry } from './etcd-file.ts'
import { FileProblem } from './file-problem.ts'

/**
 * The buckets that a keyspace takes something from, in the order in which it does: what is compacted is
 * known before the history. Their places in this list stand for them in a batch.
 */
export const RESTORED_BUCKETS = [
  'meta',
  'cluster',
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'lease',
  'key',
] as const

/**
 * In a batch alone: all that came before of alarms, users, roles, leases and a downgrade counts no more,
 * and comes again. Who follows a living etcd sends these last, and may have to do so twice.
 */
export const STATE_ANEW = 'state-anew'

const BATCH_BUCKETS = [...RESTORED_BUCKETS, STATE_ANEW] as const

/** A Durable Object takes messages of 32 MiB. */
export const BATCH_BYTES_MAX = 31 * 1024 * 1024

/** Of the bucket, the key's length and the value's. */
const HEAD_BYTES = 9

export function entryBytes({ key, value }: BucketEntry): number {
  return HEAD_BYTES + key.length + value.length
}

/** Each entry as its bucket (1 byte), two lengths (4 bytes each, big-endian), its key and its value. */
export function encodeBatch(entries: readonly BucketEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + entryBytes(entry), 0))
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const entry of entries) {
    bytes[offset] = BATCH_BUCKETS.findIndex((name) => name === entry.bucket)
    view.setUint32(offset + 1, entry.key.length)
    view.setUint32(offset + 5, entry.value.length)
    bytes.set(entry.key, offset + HEAD_BYTES)
    bytes.set(entry.value, offset + HEAD_BYTES + entry.key.length)
    offset += entryBytes(entry)
  }
  return bytes
}

/** Keys and values are views of `bytes`. Throws FileProblem for what is no batch. */
export function decodeBatch(bytes: Uint8Array): BucketEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: BucketEntry[] = []
  for (let offset = 0; offset < bytes.length;) {
    const bucket = BATCH_BUCKETS[bytes[offset] ?? 0]
    const start = offset + HEAD_BYTES
    if (bucket === undefined || start > bytes.length) {
      throw new FileProblem('comes in a batch that is none')
    }
    const middle = start + view.getUint32(offset + 1)
    offset = middle + view.getUint32(offset + 5)
    if (offset > bytes.length) {
      throw new FileProblem('comes in a batch that is cut off')
    }
    const [key, value] = [bytes.subarray(start, middle), bytes.subarray(middle, offset)]
    entries.push({ bucket, key, value })
  }
  return entries
}
