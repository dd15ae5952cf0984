import { crc32c } from '../mvcc/crc32c.ts'
import { bytesField, joined, message, numberField } from './proto-fields.ts'

/** Where raft's log stands. */
export interface RaftPlace {
  readonly index: bigint
  readonly term: bigint
}

/** Kinds of records (server/wal). */
const METADATA = 1n
const STATE = 3n
const CRC = 4n
const SNAPSHOT = 5n

const FRAME_BYTES = 8

/** The only file of a write-ahead log that has no entries but those of a snapshot: `member/wal`, in etcd's format. */
export function walFile(
  { nodeId, clusterId }: { readonly nodeId: bigint; readonly clusterId: bigint },
  { index, term }: RaftPlace,
): Uint8Array {
  const records: readonly (readonly [kind: bigint, data: Uint8Array])[] = [
    [CRC, new Uint8Array(0)],
    [METADATA, message(numberField(1, nodeId), numberField(2, clusterId))],
    [SNAPSHOT, message(numberField(1, 0n), numberField(2, 0n))],
    [SNAPSHOT, message(numberField(1, index), numberField(2, term))],
    [STATE, message(numberField(1, term), numberField(2, 0n), numberField(3, index))],
  ]
  let checksum = 0
  const frames = records.map(([kind, data]) => {
    checksum = crc32c(data, checksum)
    return frameOf(kind, data, checksum)
  })
  return joined(frames)
}

/** The name of that file: its number, and the first index that may be in it. */
export const walFileName = `${'0'.repeat(16)}-${'0'.repeat(16)}.wal`

function frameOf(kind: bigint, data: Uint8Array, checksum: number): Uint8Array {
  const head = message(numberField(1, kind), numberField(2, BigInt(checksum)))
  const record = data.length === 0 ? head : joined([head, bytesField(3, data)])
  const padding = (FRAME_BYTES - (record.length % FRAME_BYTES)) % FRAME_BYTES
  const frame = new Uint8Array(FRAME_BYTES + record.length + padding)
  const view = new DataView(frame.buffer)
  view.setUint32(0, record.length, true)
  // How much is filled up stands in the highest byte of the length.
  frame[FRAME_BYTES - 1] = padding === 0 ? 0 : 0x80 | padding
  frame.set(record, FRAME_BYTES)
  return frame
}

/** A snapshot of raft's state, in which nobody is a member yet: `member/snap/*.snap`, in etcd's format. */
export function raftSnapshotFile(data: Uint8Array, { index, term }: RaftPlace): Uint8Array {
  const nobody = bytesField(1, new Uint8Array(0))
  const place = joined([nobody, message(numberField(2, index), numberField(3, term))])
  const snapshot = joined([bytesField(1, data), bytesField(2, place)])
  const checksum = message(numberField(1, BigInt(crc32c(snapshot))))
  return joined([checksum, bytesField(2, snapshot)])
}

export function raftSnapshotName({ index, term }: RaftPlace): string {
  const [first, second] = [term, index].map((part) => part.toString(16).padStart(16, '0'))
  return `${first}-${second}.snap`
}
