import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { isRefused, type ReplicationStatus } from '../../src/protocol/shard-rpc.ts'
import { Shard } from '../../src/shard/shard.ts'
import { put, PUT } from './calls.ts'
import { testBucket } from './test-bucket.ts'

const administrator = { administrator: true } as const

async function statusOf(shard: Shard): Promise<ReplicationStatus> {
  const status = await shard.replication(administrator)
  if (isRefused(status)) {
    throw new Error(status.refused.message)
  }
  return status
}

it('[REP14] in workerd, a keyspace sends itself to the bucket that is bound, and then is still', async () => {
  const bucket = testBucket()
  const environment = { ...env, SNAPSHOTS: bucket, ETCDURABLE_SNAPSHOT_LAG_SECONDS: '0.1' }
  await runInDurableObject(env.SHARD.getByName('replicated'), async (_, state) => {
    const shard = new Shard(state, environment)
    await shard.create({ created: 1234 })
    const request = encode(PutRequest, put('key', 'value'))
    const write = () => shard.callMany([{ method: PUT, request, context: administrator }])
    const until = async (isDone: (status: ReplicationStatus) => boolean): Promise<void> => {
      while (!isDone(await statusOf(shard))) {
        await scheduler.wait(20)
        await shard.alarm()
      }
    }
    expect(await statusOf(shard)).toMatchObject({ state: 'current', epoch: 0, lagRevisions: 0 })
    await write()
    await until(({ fulls, revision }) => fulls === 1 && revision === 2)
    await write()
    await until(({ segments, revision }) => segments === 1 && revision === 3)
    const { objects } = await bucket.list({ prefix: 'keyspaces/replicated/0000000001234/' })
    expect(objects.map(({ key }) => key.split('/').slice(3).join('/'))).toEqual([
      'e000001/claim',
      'e000001/full/0000000000-0000000000000002/0000',
      'e000001/full/0000000000-0000000000000002/end',
      'e000001/log/0000000001-0000000000000003',
      'manifests/0000000001',
    ])
    expect(await statusOf(shard)).toMatchObject({ state: 'current', reason: null, lagSeconds: 0 })
  })
})
