import { GrpcConnection, grpcFrame } from './grpc-connection.ts'

export interface OneRequestTask {
  readonly kind: 'one-request'
  readonly url: string
  readonly method: string
  readonly request: Uint8Array
  /** Of a call that goes on: for how long its answers are read. */
  readonly seconds?: number
}

export interface OneRequestResult {
  readonly bytes: number
  readonly seconds: number
  /** What it was refused with. */
  readonly refused?: string
}

/** Makes one call and reads its answer without keeping it. */
export async function oneRequest(task: OneRequestTask): Promise<OneRequestResult> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const connection = new GrpcConnection(task.url, reject)
  const result = await Promise.race([askOnce(connection, task), broken])
  connection.close()
  return result
}

/** The same on a connection that is there. */
export async function askOnce(
  connection: GrpcConnection,
  task: Omit<OneRequestTask, 'kind' | 'url'>,
): Promise<OneRequestResult> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  let bytes = 0
  const start = performance.now()
  const stream = connection.open(task.method, {
    received: (piece) => {
      bytes += piece.length
    },
    ended: () => resolve(undefined),
    failed: (error) => resolve(error.message),
  })
  const frame = grpcFrame(task.request)
  if (task.seconds === undefined) {
    stream.end(frame)
  } else {
    stream.write(frame)
    setTimeout(() => {
      resolve(undefined)
      stream.close()
    }, task.seconds * 1000)
  }
  const refused = await promise
  const seconds = (performance.now() - start) / 1000
  return { bytes, seconds, ...(refused !== undefined && { refused }) }
}
