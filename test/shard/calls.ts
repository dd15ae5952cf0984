import { env } from 'cloudflare:workers'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  CompactionRequest,
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import type { Outcome, Creation } from '../../src/protocol/shard-rpc.ts'
import type { Replica } from '../../src/replica/replica.ts'
import type { Shard } from '../../src/shard/shard.ts'

/** What gateways call. */
export type Serving = DurableObjectStub<Shard> | DurableObjectStub<Replica>

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The shard of a keyspace of that name, which is made if it was not. */
export async function shardNamed(
  name: string,
  options: Partial<Creation> = {},
): Promise<DurableObjectStub<Shard>> {
  const shard = env.SHARD.getByName(name)
  await shard.create({ created: 1, ...options })
  return shard
}

export async function call(
  shard: Serving,
  method: MethodName,
  request: object,
  token?: string,
): Promise<Outcome> {
  const type: MessageType<object> = rpcMethods[method].request
  const context = { origin: 'http://test', token, administrator: true as const }
  const [answer] = await shard.callMany([{ method, request: encode(type, request), context }])
  if (answer === undefined) {
    throw new Error('no answer to a call')
  }
  return answer
}

/** The response, which the caller knows the fields of; a refusal is thrown. */
export async function ask<T>(
  shard: Serving,
  method: MethodName,
  request: object,
  token?: string,
): Promise<T> {
  const answer = await call(shard, method, request, token)
  if ('refused' in answer) {
    throw new Error(answer.refused.message)
  }
  const type: MessageType<object> = rpcMethods[method].response
  return decode(type, answer.response) as T
}

export const put = (key: string, value = 'v', lease = 0n): PutRequest =>
  create(PutRequest, { key: bytes(key), value: bytes(value), lease })
export const range = (key: string, rest: Partial<RangeRequest> = {}): RangeRequest =>
  create(RangeRequest, { key: bytes(key), ...rest })
export const deletion = (key: string): DeleteRangeRequest =>
  create(DeleteRangeRequest, { key: bytes(key) })
export const compaction = (revision: number, physical = false): CompactionRequest =>
  create(CompactionRequest, { revision, physical })
export const grant = (ID: bigint, TTL: number): LeaseGrantRequest =>
  create(LeaseGrantRequest, { ID, TTL })
export const keepAlive = (ID: bigint): LeaseKeepAliveRequest =>
  create(LeaseKeepAliveRequest, { ID })
export const timeToLive = (ID: bigint): LeaseTimeToLiveRequest =>
  create(LeaseTimeToLiveRequest, { ID, keys: true })

export const PUT = '/etcdserverpb.KV/Put'
export const RANGE = '/etcdserverpb.KV/Range'
export const DELETE_RANGE = '/etcdserverpb.KV/DeleteRange'
export const COMPACT = '/etcdserverpb.KV/Compact'
export const LEASE_GRANT = '/etcdserverpb.Lease/LeaseGrant'
export const LEASE_KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive'
export const LEASE_TIME_TO_LIVE = '/etcdserverpb.Lease/LeaseTimeToLive'
