import { encode } from '../../src/protocol/binary.ts'
import { RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcConnection, grpcFrame } from './grpc-connection.ts'
import { prefixEnd } from './keys.ts'

export interface WholeReadersTask {
  readonly kind: 'whole-readers'
  readonly url: string
  readonly prefix: string
  readonly clients: number
  readonly seconds: number
}

export interface WholeReadersResult {
  readonly bytes: number
  readonly seconds: number
}

/** Clients that read a prefix whole, again and again, each on a connection of its own. */
export async function wholeReaders(task: WholeReadersTask): Promise<WholeReadersResult> {
  const key = Buffer.from(task.prefix)
  const rangeEnd = Buffer.from(prefixEnd(task.prefix))
  const frame = grpcFrame(encode(RangeRequest, create(RangeRequest, { key, rangeEnd })))
  const start = performance.now()
  const end = start + task.seconds * 1000
  let bytes = 0
  const received = (piece: Buffer): void => {
    bytes += piece.length
  }
  const read = (connection: GrpcConnection): Promise<void> =>
    new Promise((ended, failed) => {
      connection.call('/etcdserverpb.KV/Range', frame, { received, ended, failed })
    })
  const client = async (): Promise<void> => {
    const { promise: broken, reject } = Promise.withResolvers<never>()
    const connection = new GrpcConnection(task.url, reject)
    while (performance.now() < end) {
      await Promise.race([read(connection), broken])
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: task.clients }, client))
  return { bytes, seconds: (performance.now() - start) / 1000 }
}
