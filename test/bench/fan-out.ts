import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { Connection, post } from './connection.ts'
import { grpcFrame } from './grpc-connection.ts'
import { openGrpcWatches } from './grpc-watches.ts'
import { H2Connection } from './h2-connection.ts'
import { keyAt } from './keys.ts'
import { base64, putJson } from './messages.ts'
import { percentile } from './samples.ts'
import { openWatches } from './watch-stream.ts'

export interface FanOutTask {
  readonly kind: 'fan-out'
  readonly url: string
  /** JSON over HTTP/1.1, a connection for each watcher, or gRPC, a stream for each. */
  readonly by: 'json' | 'grpc'
  readonly prefix: string
  /** Streams with one watch each, all of them of the whole prefix. */
  readonly watchers: number
  readonly seconds: number
}

export interface FanOutResult {
  readonly eventsPerSecond: number
  /** From the put's leaving to the event's arrival, over all watchers. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const KEYS = 1000
const VALUE = 'v'.repeat(256)

/** One writer, who puts again as soon as every watcher has heard of the last put. */
export async function fanOut(task: FanOutTask): Promise<FanOutResult> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const latencies: number[] = []
  let begin = Infinity
  let puts = 0
  let sentAt = 0
  let deaf = 0
  let answered = true

  const put = (): void => {
    const key = keyAt(task.prefix, puts++ % KEYS)
    deaf = task.watchers
    answered = false
    sentAt = performance.now()
    writer.put(key)
  }
  const goOn = (): void => {
    if (deaf === 0 && answered) {
      if (performance.now() < begin + task.seconds * 1000) {
        put()
      } else {
        resolve()
      }
    }
  }
  const hear = (count: number): void => {
    if (count > deaf) {
      reject(new Error('a watcher heard of a put twice'))
    }
    const now = performance.now()
    if (now >= begin) {
      latencies.push(now - sentAt)
    }
    deaf -= count
    goOn()
  }
  const answer = (): void => {
    answered = true
    goOn()
  }

  const grpc = task.by === 'grpc'
  const watches = await (grpc
    ? openGrpcWatches({ url: task.url }, task, hear)
    : openWatches(task.url, task, hear))
  const writer = await (grpc
    ? grpcWriter(task.url, answer, reject)
    : jsonWriter(task.url, answer, reject))
  begin = performance.now() + task.seconds * 250
  put()
  await Promise.race([done, watches.failed])
  const seconds = (performance.now() - begin) / 1000
  watches.close()
  writer.close()
  return {
    eventsPerSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

interface Writer {
  put(key: string): void
  close(): void
}

function jsonWriter(url: string, answer: () => void, failed: (error: Error) => void): Writer {
  const value = base64(VALUE)
  const connection = new Connection(url, { body: () => undefined, end: answer }, failed)
  return {
    put: (key) => connection.send(post(url, '/v3/kv/put', putJson(key, value))),
    close: () => connection.close(),
  }
}

async function grpcWriter(
  url: string,
  answer: () => void,
  failed: (error: Error) => void,
): Promise<Writer> {
  const connection = await H2Connection.open({ url }, failed)
  return {
    put: (key) => {
      const put = create(PutRequest, { key: Buffer.from(key), value: Buffer.from(VALUE) })
      connection.call('/etcdserverpb.KV/Put', grpcFrame(encode(PutRequest, put)), answer)
    },
    close: () => connection.close(),
  }
}
