import { expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import {
  CompactionRequest,
  DeleteRangeRequest,
  type DeleteRangeResponse,
  LeaseTimeToLiveResponse,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import {
  ask,
  bytes,
  call,
  COMPACT,
  DELETE_RANGE,
  grant,
  LEASE_GRANT,
  LEASE_TIME_TO_LIVE,
  put,
  PUT,
  shardNamed,
  timeToLive,
} from './calls.ts'
import { SessionClient } from './session-client.ts'

const KEYS = 9000
const keys = Array.from({ length: KEYS }, (_, i) => `k${String(i).padStart(4, '0')}`)
const text = (key: Uint8Array): string => new TextDecoder().decode(key)

async function filled(name: string): ReturnType<typeof shardNamed> {
  const shard = await shardNamed(name)
  await ask(shard, LEASE_GRANT, grant(7n, 1000))
  for (let i = 0; i < KEYS; i += 100) {
    const success = keys.slice(i, i + 100).map((key) => ({ requestPut: put(key, 'v', 7n) }))
    await ask(shard, '/etcdserverpb.KV/Txn', create(TxnRequest, { success }))
  }
  return shard
}

/** By what was answered first. */
async function order(answers: Readonly<Record<string, Promise<unknown>>>): Promise<string[]> {
  const names: string[] = []
  await Promise.all(
    Object.entries(answers).map(([name, answer]) => answer.then(() => names.push(name))),
  )
  return names
}

it('[SHD24] what a deletion has deleted is read while others put, and no compaction takes it away', async () => {
  const shard = await filled('deletion')
  const request = create(DeleteRangeRequest, {
    key: bytes('k'),
    rangeEnd: bytes('l'),
    prevKv: true,
  })
  const answer = ask<DeleteRangeResponse>(shard, DELETE_RANGE, request)
  const others = {
    put: ask(shard, PUT, put('k5000', 'new')),
    compaction: ask(shard, COMPACT, create(CompactionRequest, { revision: KEYS / 100 + 2 })),
  }
  expect(await order({ ...others, answer })).toEqual(['put', 'compaction', 'answer'])
  const { deleted, prevKvs, header } = await answer
  expect([deleted, header?.revision]).toEqual([KEYS, KEYS / 100 + 2])
  expect(prevKvs.map(({ key }) => text(key))).toEqual(keys)
  expect(prevKvs[5000]).toMatchObject({ value: bytes('v'), lease: 7n, version: 1, modRevision: 52 })
  const again = await ask<DeleteRangeResponse>(shard, DELETE_RANGE, request)
  expect(again.prevKvs.map(({ value }) => text(value))).toEqual(['new'])
  expect(await call(shard, DELETE_RANGE, { ...request, key: new Uint8Array(0) })).toMatchObject({
    refused: { code: 3 },
  })
})

it('[SHD24] the keys of a lease are read while others put', async () => {
  const shard = await filled('leased')
  const answer = ask<LeaseTimeToLiveResponse>(shard, LEASE_TIME_TO_LIVE, timeToLive(7n))
  expect(await order({ put: ask(shard, PUT, put('a')), answer })).toEqual(['put', 'answer'])
  expect((await answer).keys.map(text)).toEqual(keys)
})

it('[SHD24] the keys of a lease leave over a socket in parts, without credit', async () => {
  const client = await SessionClient.open(await filled('leased-session'))
  client.reads = false
  client.call(LEASE_TIME_TO_LIVE, timeToLive(7n), 10)
  const whole = decode(LeaseTimeToLiveResponse, await client.answer(10))
  expect(client.parts.get(10)?.length).toBeGreaterThan(KEYS / 1000)
  expect(whole).toMatchObject({ ID: 7n, grantedTTL: 1000 })
  expect(whole.keys.map(text)).toEqual(keys)
})
