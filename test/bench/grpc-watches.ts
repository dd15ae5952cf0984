import { encode } from '../../src/protocol/binary.ts'
import { WatchCreateRequest, WatchRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { grpcFrame, messageReader } from './grpc-connection.ts'
import { type Address, H2Connection } from './h2-connection.ts'
import { prefixEnd } from './keys.ts'
import type { Watches } from './watch-stream.ts'

const STREAMS_PER_CONNECTION = 100

/**
 * Watches of the same prefix, each on a stream of its own. What comes after the message that says the
 * watch exists counts as one event: the writer puts one key at a time.
 */
export async function openGrpcWatches(
  address: Address,
  of: { readonly prefix: string; readonly watchers: number },
  events: (count: number) => void,
): Promise<Watches> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const count = Math.ceil(of.watchers / STREAMS_PER_CONNECTION)
  const opening = Array.from({ length: count }, () => H2Connection.open(address, reject))
  const connections = await Promise.race([Promise.all(opening), failed])
  const request = createFrame(of.prefix)
  const created = Array.from({ length: of.watchers }, (_, watcher) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let exists = false
    const take = (): void => {
      if (exists) {
        events(1)
      }
      exists = true
      resolve()
    }
    const connection = connections[watcher % count]
    connection?.stream('/etcdserverpb.Watch/Watch', request, messageReader(take))
    return promise
  })
  await Promise.race([Promise.all(created), failed])
  return { failed, close: () => connections.forEach((connection) => connection.close()) }
}

/** A request to watch a prefix, framed. */
export function createFrame(prefix: string): Buffer {
  const range = { key: Buffer.from(prefix), rangeEnd: Buffer.from(prefixEnd(prefix)) }
  const createRequest = create(WatchCreateRequest, range)
  return grpcFrame(encode(WatchRequest, create(WatchRequest, { createRequest })))
}
