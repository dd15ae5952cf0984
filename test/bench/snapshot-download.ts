import { createHash } from 'node:crypto'
import { decode } from '../../src/protocol/binary.ts'
import { SnapshotResponse } from '../../src/protocol/generated/messages.ts'
import { GrpcConnection, grpcFrame, messageReader } from './grpc-connection.ts'

export interface SnapshotDownloadTask {
  readonly kind: 'snapshot-download'
  readonly url: string
}

export interface SnapshotDownloadResult {
  readonly seconds: number
  readonly bytes: number
}

/** Reads a snapshot without keeping it, and holds it against the hash that it ends with. */
export async function snapshotDownload({
  url,
}: SnapshotDownloadTask): Promise<SnapshotDownloadResult> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const connection = new GrpcConnection(url, reject)
  const hash = createHash('sha256')
  let bytes = 0
  let last: Uint8Array | undefined
  const received = messageReader((message) => {
    if (last !== undefined) {
      hash.update(last)
      bytes += last.length
    }
    last = decode(SnapshotResponse, message).blob
  })
  const start = performance.now()
  connection.call('/etcdserverpb.Maintenance/Snapshot', grpcFrame(new Uint8Array(0)), {
    received,
    ended: resolve,
    failed: reject,
  })
  await done
  const seconds = (performance.now() - start) / 1000
  connection.close()
  if (!hash.digest().equals(last ?? new Uint8Array(0))) {
    throw new Error(`the snapshot of ${bytes} bytes is not what its hash says`)
  }
  return { seconds, bytes }
}
