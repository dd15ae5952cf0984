import { memberList } from '../../cluster/cluster-service.ts'
import { AlarmType } from '../../maintenance/alarm.ts'
import { freeBytes } from '../../mvcc/free-bytes.ts'
import type { SnapshotResponse } from '../../protocol/generated/messages.ts'
import { CLUSTER_VERSION, STORAGE_VERSION } from '../../protocol/version.ts'
import { bucketsOf, type EtcdState } from '../../snapshot/buckets.ts'
import { fileBytes, fileOf, layOut } from '../../snapshot/file.ts'
import { authStateOf } from '../auth-state.ts'
import { nextTurn } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Parts, StepsFacts } from '../run.ts'

/** That of etcd's blobs. */
const BLOB_BYTES = 32 * 1024
/** What is made before others have their turn: two milliseconds. */
const TURN_BYTES = 4 * BLOB_BYTES

/**
 * Maintenance.Snapshot: the keyspace as the file that etcd would have of it, at the revision of the
 * moment, in messages that come turn by turn (api/v3rpc/maintenance.go). The last one is the SHA-256 of all before it. Nothing is
 * compacted meanwhile, because the log is read twice.
 */
export async function* snapshot(
  { keyspace, background }: Parts,
  { context, gone }: StepsFacts,
): AsyncGenerator<readonly SnapshotResponse[]> {
  const release = background.hold()
  try {
    const buckets = bucketsOf(stateOf(keyspace, context.origin))
    const steps = layOut(buckets)
    let step = steps.next()
    while (step.done !== true) {
      await nextTurn()
      if (gone.aborted) {
        return
      }
      step = steps.next()
    }
    const digest = new crypto.DigestStream('SHA-256')
    const writer = digest.getWriter()
    let remaining = fileBytes(step.value)
    for (const turn of inTurns(fileOf(buckets, step.value))) {
      await writer.write(turn)
      const messages: SnapshotResponse[] = []
      for (let start = 0; start < turn.length; start += BLOB_BYTES) {
        const blob = turn.subarray(start, start + BLOB_BYTES)
        remaining -= blob.length
        messages.push(message(blob, remaining))
      }
      yield messages
      await nextTurn()
    }
    await writer.close()
    yield [message(new Uint8Array(await digest.digest), 0)]
  } finally {
    release()
  }
}

function message(blob: Uint8Array, remaining: number): SnapshotResponse {
  return { blob, remainingBytes: remaining, version: STORAGE_VERSION }
}

/** The pieces of a file in a row, cut anew. What was answered is overwritten by the next. */
function* inTurns(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const turn = new Uint8Array(TURN_BYTES)
  let filled = 0
  for (const piece of pieces) {
    for (let taken = 0; taken < piece.length;) {
      const part = piece.subarray(taken, taken + TURN_BYTES - filled)
      turn.set(part, filled)
      filled += part.length
      taken += part.length
      if (filled === TURN_BYTES) {
        yield turn
        filled = 0
      }
    }
    freeBytes(piece)
  }
  if (filled > 0) {
    yield turn.subarray(0, filled)
  }
}

/** All but the history is copied: it may change before it is written. */
function stateOf(keyspace: Keyspace, origin: string | undefined): EtcdState {
  const { store, auth, alarms, lessor, downgrade } = keyspace
  const { revision } = store
  return {
    history: store,
    revision,
    compaction: { revision: store.compactRevision, pending: store.compactionPending },
    members: memberList(keyspace, origin).members,
    raft: { index: revision, term: keyspace.raftTerm },
    storageVersion: STORAGE_VERSION,
    clusterVersion: CLUSTER_VERSION,
    downgradeTarget: downgrade.info.enabled ? downgrade.info.targetVersion : undefined,
    leases: lessor.granted(),
    alarms: alarms.get(AlarmType.NONE),
    auth: authStateOf(auth),
  }
}
