import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { grpcFrame } from './grpc-connection.ts'
import type { H2Connection } from './h2-connection.ts'
import { keyAt } from './keys.ts'

const VALUE_BYTES = 256
const KEYS = 1000

export interface Paced {
  readonly prefix: string
  readonly perSecond: number
  readonly seconds: number
}

/**
 * Puts at a steady rate, however slow the answers are. The number of the put is in its value.
 * Resolves when the time is over and every put is answered; the answers come in the order of the puts.
 */
export function pacedPuts(
  connection: H2Connection,
  { prefix, perSecond, seconds }: Paced,
  sending: (place: number) => void,
  answering: () => void = () => undefined,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const start = performance.now()
  let sent = 0
  let answered = 0
  const answer = (): void => {
    answering()
    answered++
    if (answered === perSecond * seconds) {
      resolve()
    }
  }
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  const send = (): void => {
    const due = Math.min(((performance.now() - start) / 1000) * perSecond, perSecond * seconds)
    for (; sent < due; sent++) {
      value.writeUInt32BE(sent)
      const put = create(PutRequest, { key: Buffer.from(keyAt(prefix, sent % KEYS)), value })
      const frame = grpcFrame(encode(PutRequest, put))
      sending(sent)
      connection.call('/etcdserverpb.KV/Put', frame, answer)
    }
    if (sent === perSecond * seconds) {
      clearInterval(timer)
    }
  }
  const timer = setInterval(send, 1)
  return promise
}

/** Of a value that `pacedPuts` has written. */
export function placeOf(value: Uint8Array): number {
  return Buffer.from(value.buffer, value.byteOffset, value.length).readUInt32BE()
}
