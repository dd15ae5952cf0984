import { setTimeout as sleep } from 'node:timers/promises'
import { decode, encode } from '../../src/protocol/binary.ts'
import { RangeRequest, RangeResponse } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { type Address, H2Connection } from './h2-connection.ts'

/** One call over a connection of its own. Rejects where it is refused. */
export async function grpcCall(
  address: Address,
  method: string,
  request: Uint8Array,
): Promise<Uint8Array> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const opened = H2Connection.open(address, reject)
  const answer = opened.then((connection) => connection.ask(method, request))
  try {
    return await Promise.race([answer, broken])
  } finally {
    const connection = await opened.catch(() => undefined)
    connection?.close()
  }
}

export async function grpcRange(
  address: Address,
  request: Partial<RangeRequest>,
): Promise<RangeResponse> {
  const message = encode(RangeRequest, create(RangeRequest, request))
  return decode(RangeResponse, await grpcCall(address, '/etcdserverpb.KV/Range', message))
}

/** Asks for a key until the server answers. */
export async function firstAnswer(
  address: Address,
  key: string,
  everyMs: number,
  withinMs: number,
): Promise<RangeResponse> {
  for (const deadline = performance.now() + withinMs; ; await sleep(everyMs)) {
    try {
      return await grpcRange(address, { key: Buffer.from(key) })
    } catch (error) {
      // Not open yet, or not ready to answer.
      if (performance.now() > deadline) {
        throw error
      }
    }
  }
}
