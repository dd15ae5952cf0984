import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { Visitor } from '../door/visitor.ts'
import { encode } from '../protocol/binary.ts'
import { type KeyValue, RangeRequest, type RangeResponse } from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { NotKept } from '../recovery/broken-archive.ts'
import { SCAN_BYTES_MAX } from '../recovery/scan.ts'
import { keyspaceAddress } from './keyspace-address.ts'
import { ShardClient } from './shard-client.ts'

const RANGE = '/etcdserverpb.KV/Range'
/** Etcd's users are not asked: an administrator need not be one. */
const asServer = { asServer: true } as const

/** Keys of a keyspace itself. */
export interface LiveKeys {
  readonly revision: number
  readonly kvs: readonly KeyValue[]
}

/** Where a keyspace is that has the revision still, 0 being the current one; undefined where none is. */
export async function liveKeyspace(
  env: Env,
  visitor: Visitor,
  keyspace: string,
  revision: number,
): Promise<KeyspaceAddress | undefined> {
  return orGone(async () => {
    const address = await keyspaceAddress(keyspace, env)
    const any = create(RangeRequest, { key: Uint8Array.of(0), revision, limit: 1, keysOnly: true })
    await new ShardClient(env, address, visitor).call(RANGE, any, asServer)
    return address
  })
}

/** The keys of a range; undefined where the keyspace, or its revision, is not there. Throws RpcStatus, NotKept. */
export function liveKeys(
  env: Env,
  visitor: Visitor,
  keyspace: string,
  range: Pick<RangeRequest, 'key' | 'rangeEnd' | 'revision'>,
): Promise<LiveKeys | undefined> {
  return orGone(async () => {
    const shard = new ShardClient(env, await keyspaceAddress(keyspace, env), visitor)
    const request = create(RangeRequest, range)
    const first = await shard.call(RANGE, request, asServer)
    const kvs: KeyValue[] = []
    let bytes = 0
    let revision = range.revision
    for (let page = first; ;) {
      const response = page.response as RangeResponse
      revision ||= response.header?.revision ?? 0
      for (const kv of response.kvs) {
        kvs.push(kv)
        bytes += kv.key.length + kv.value.length
      }
      if (bytes > SCAN_BYTES_MAX) {
        throw new NotKept(`there are more than ${SCAN_BYTES_MAX} bytes of keys and values`)
      }
      if (page.next === undefined) {
        return { revision, kvs }
      }
      page = await shard.rangeNext(encode(RangeRequest, request), page.next)
    }
  })
}

const goneMessages = [statusOf('keyspace-not-found').message]

/** A revision that is compacted, or that an earlier keyspace of the name had. */
async function orGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    const isGone =
      error instanceof RpcStatus &&
      (error.code === Code.OUT_OF_RANGE || goneMessages.includes(error.message))
    if (isGone) {
      return undefined
    }
    throw error
  }
}
