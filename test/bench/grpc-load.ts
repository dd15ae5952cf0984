import { GrpcConnection } from './grpc-connection.ts'
import { percentile } from './samples.ts'
import type { UnaryResult } from './unary-load.ts'

export interface GrpcTask {
  readonly kind: 'grpc'
  readonly url: string
  readonly method: string
  /** One request, framed, sent over and over. */
  readonly frame: Uint8Array
  readonly connections: number
  /** Calls under way on each connection. */
  readonly streams: number
  /** How long to measure, after a quarter as long that is not counted. */
  readonly seconds: number
}

/** A closed loop, where no h2load is installed. */
export async function grpcLoad(task: GrpcTask): Promise<UnaryResult> {
  const latencies: number[] = []
  const frame = Buffer.from(task.frame)
  const begin = performance.now() + task.seconds * 250
  const end = begin + task.seconds * 1000
  const runStream = (connection: GrpcConnection, failed: (error: Error) => void): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const send = (): void => {
      const sentAt = performance.now()
      const ended = (): void => {
        const now = performance.now()
        if (now >= begin && now < end) {
          latencies.push(now - sentAt)
        }
        if (now < end) {
          send()
        } else {
          resolve()
        }
      }
      connection.call(task.method, frame, { received: () => undefined, ended, failed })
    }
    send()
    return promise
  }
  await Promise.all(
    Array.from({ length: task.connections }, async () => {
      const { promise: broken, reject } = Promise.withResolvers<never>()
      const connection = new GrpcConnection(task.url, reject)
      const streams = Array.from({ length: task.streams }, () => runStream(connection, reject))
      await Promise.race([Promise.all(streams), broken])
      connection.close()
    }),
  )
  return {
    perSecond: latencies.length / task.seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}
