import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcConnection, grpcFrame } from './grpc-connection.ts'
import { keyAt } from './keys.ts'

const EVERY_MS = 1
const VALUE_BYTES = 256
const KEYS = 1000
/** Puts that are not measured. */
const WARM_UP = 200

export interface WorstPutTask {
  readonly kind: 'worst-put'
  readonly url: string
  readonly prefix: string
  /** Shared between threads: 1 once it puts, and 2 when it is to stop. */
  readonly state: Int32Array
}

export interface WorstPutResult {
  /** A put that was refused has waited until then. */
  readonly worstMs: number
  readonly puts: number
  readonly refused: number
}

/** Puts once a millisecond, however slow the answers are, until it is told to stop. */
export async function worstPut({ url, prefix, state }: WorstPutTask): Promise<WorstPutResult> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const connection = new GrpcConnection(url, reject)
  const waits: number[] = []
  let sent = 0
  let refused = 0
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  const put = (): void => {
    const key = Buffer.from(keyAt(prefix, sent++ % KEYS))
    const frame = grpcFrame(encode(PutRequest, create(PutRequest, { key, value })))
    const start = performance.now()
    const ended = (): void => void waits.push(performance.now() - start)
    const failed = (): void => {
      refused++
      ended()
    }
    connection.call('/etcdserverpb.KV/Put', frame, { received: () => undefined, ended, failed })
  }
  const timer = setInterval(put, EVERY_MS)
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      await Promise.race([sleep(EVERY_MS), broken])
    }
  }
  await until(() => waits.length >= WARM_UP)
  const begun = waits.length
  Atomics.store(state, 0, 1)
  await until(() => Atomics.load(state, 0) === 2)
  clearInterval(timer)
  await until(() => waits.length === sent)
  connection.close()
  return { worstMs: Math.max(...waits.slice(begun)), puts: sent, refused }
}
