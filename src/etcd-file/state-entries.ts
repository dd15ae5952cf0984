import { revisionBytes } from '../mvcc/revision-bytes.ts'
import type { Revision } from '../mvcc/types.ts'
import { encode } from '../protocol/binary.ts'
import { AlarmMember, Lease } from '../protocol/generated/messages.ts'
import { STATE_ANEW } from './entry-batch.ts'
import type { BucketEntry, EtcdFile } from './etcd-file.ts'
import { recordOf } from './record.ts'

const NOTHING = new Uint8Array(0)
const utf8 = new TextEncoder()

/** The buckets of users and what belongs to them, and of a downgrade: a file alone has all of these. */
const FILE_STATE = ['cluster', 'auth', 'authRoles', 'authUsers'] as const

/** What a file has of auth, small enough for the memory. */
export interface FileState {
  readonly entries: readonly BucketEntry[]
  readonly authEnabled: boolean
  readonly authRevision: number
  /** How many users and roles there are. */
  readonly users: number
  /** Up to where the history is compacted, finished or not; -1 for nowhere. */
  readonly compactRevision: Revision
}

/** Throws FileProblem. */
export function stateOfFile(file: EtcdFile): FileState {
  const entries = FILE_STATE.flatMap((bucket) => [...file.entries(bucket)])
  let [authEnabled, authRevision, users, compactRevision] = [false, 1, 0, -1]
  for (const entry of [...entries, ...file.entries('meta')]) {
    const record = recordOf(entry)
    if (record.kind === 'auth-enabled') {
      authEnabled = record.enabled
    } else if (record.kind === 'auth-revision') {
      authRevision = Math.max(record.revision, 1)
    } else if (record.kind === 'user' || record.kind === 'role') {
      users += 1
    } else if (record.kind === 'compaction') {
      compactRevision = Math.max(compactRevision, record.revision)
    }
  }
  return { entries, authEnabled, authRevision, users, compactRevision }
}

/** What follows takes the place of all such entries before. */
export const stateAnew: BucketEntry = { bucket: STATE_ANEW, key: NOTHING, value: NOTHING }

export function leaseEntry(lease: Lease): BucketEntry {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigInt64(0, lease.ID)
  return { bucket: 'lease', key, value: encode(Lease, lease) }
}

export function alarmEntry(alarm: AlarmMember): BucketEntry {
  return { bucket: 'alarm', key: encode(AlarmMember, alarm), value: NOTHING }
}

/** A compaction of the history that is there, which is to be done. */
export function compactionEntry(revision: Revision): BucketEntry {
  const value = revisionBytes({ main: revision, sub: 0, deleted: false })
  return { bucket: 'meta', key: utf8.encode('scheduledCompactRev'), value }
}
