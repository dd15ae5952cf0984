import { decode, encode } from '../../src/protocol/binary.ts'
import {
  type KeyValue,
  RangeRequest,
  RangeResponse,
  RangeStreamResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcConnection, grpcFrame, messageReader } from './grpc-connection.ts'
import { keyAt, prefixEnd } from './keys.ts'

export interface GrpcDownloadTask {
  readonly kind: 'grpc-download'
  readonly url: string
  readonly prefix: string
  readonly streamed: boolean
  /** What is to be there, key by key. */
  readonly keys: number
  readonly valueBytes: number
}

export interface GrpcDownloadResult {
  readonly seconds: number
  readonly bytes: number
}

/** Lists a prefix, and then looks whether that was all of it. */
export async function grpcDownload(task: GrpcDownloadTask): Promise<GrpcDownloadResult> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const connection = new GrpcConnection(task.url, reject)
  const pieces: Buffer[] = []
  const { prefix } = task
  const range = { key: Buffer.from(prefix), rangeEnd: Buffer.from(prefixEnd(prefix)) }
  const frame = grpcFrame(encode(RangeRequest, create(RangeRequest, range)))
  const start = performance.now()
  connection.call(`/etcdserverpb.KV/${task.streamed ? 'RangeStream' : 'Range'}`, frame, {
    received: (piece) => pieces.push(piece),
    ended: resolve,
    failed: reject,
  })
  await done
  const seconds = (performance.now() - start) / 1000
  connection.close()
  const answer = Buffer.concat(pieces)
  check(task, answer)
  return { seconds, bytes: answer.length }
}

function check(task: GrpcDownloadTask, answer: Buffer): void {
  const responses: RangeResponse[] = []
  messageReader((message) => {
    const response = task.streamed
      ? decode(RangeStreamResponse, message).rangeResponse
      : decode(RangeResponse, message)
    if (response !== undefined) {
      responses.push(response)
    }
  })(answer)
  const kvs = responses.flatMap((response) => response.kvs)
  const right = ({ key, value }: KeyValue, place: number): boolean =>
    Buffer.from(key).toString() === keyAt(task.prefix, place) && value.length === task.valueBytes
  if (responses.at(-1)?.count !== task.keys || kvs.length !== task.keys || !kvs.every(right)) {
    throw new Error(`${kvs.length} keys came of ${task.keys}, or others`)
  }
}
