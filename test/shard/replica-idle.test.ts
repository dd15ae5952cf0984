import { runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import type { RangeResponse } from '../../src/protocol/generated/messages.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { ask, put, PUT, range, RANGE, type Serving } from './calls.ts'
import { rowsIn, wholeReplicaOf } from './replica-objects.ts'

function alarmOf(object: Serving): Promise<number | null> {
  return runInDurableObject(object as DurableObjectStub<Shard>, (_, { storage }) =>
    storage.getAlarm(),
  )
}

const COUNT = 'SELECT count(*) AS rows FROM log'

it('[RPL30] a replica that nobody reads has no alarm and hears of no write, and its leader has none for it', async () => {
  const { leader, replica } = await wholeReplicaOf('idle', 'weur')
  await expect.poll(() => alarmOf(replica)).toBeNull()
  const before = await rowsIn(replica, COUNT)
  for (let i = 0; i < 30; i++) {
    await ask(leader, PUT, put(`k${i}`))
  }
  expect(await alarmOf(leader)).toBeNull()
  expect(await alarmOf(replica)).toBeNull()
  expect(await rowsIn(replica, COUNT)).toEqual(before)
  expect(await leader.replicas()).toMatchObject({ replicas: [{ state: 'asleep' }] })
  // A reader wakes it, and then it has all.
  const read = await ask<RangeResponse>(replica, RANGE, range('k29', { serializable: true }))
  expect(read.kvs).toHaveLength(1)
  expect(await rowsIn(replica, COUNT)).toEqual([{ rows: 30 }])
})
