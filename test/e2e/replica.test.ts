// A replica as gRPC clients see it through a bridge at it alone.
import { expect, it, onTestFinished } from 'vitest'
import {
  DeleteRangeRequest,
  RangeRequest,
  RequestOp,
  WatchCreateRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { Code } from '../../src/protocol/status.ts'
import { GrpcClient } from './grpc-client.ts'
import { bridgeToReplica } from './replica-bridge.ts'
import { type Command, startServer } from './server.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const HASH_KV = '/etcdserverpb.Maintenance/HashKV'

function clientOf({ url }: Command): GrpcClient {
  const client = new GrpcClient(url)
  onTestFinished(() => client.close())
  return client
}

it('[RPL25] [RPL32] [RPL92] a replica alone serves puts, reads, leases and watches as its leader does, and equals it', async () => {
  const server = await startServer()
  onTestFinished(() => server.stop().catch(() => undefined))
  const bridge = await bridgeToReplica(server, 'weur')
  onTestFinished(() => bridge.stop())
  const [leader, replica] = [clientOf(server), clientOf(bridge)]
  const watch = replica.stream('/etcdserverpb.Watch/Watch')
  const watched = { key: bytes('k'), rangeEnd: bytes('l') }
  watch.send({ createRequest: create(WatchCreateRequest, watched) })
  await watch.next()
  const named = [
    await replica.replicaOf('/etcdserverpb.KV/Range', { key: bytes('k') }),
    await replica.replicaOf('/etcdserverpb.Maintenance/Status', {}),
    await replica.replicaOf('/etcdserverpb.Cluster/MemberList', {}),
    await leader.replicaOf('/etcdserverpb.KV/Range', { key: bytes('k') }),
  ]
  expect(named, '[RPL32]').toEqual([['weur'], ['weur'], [], []])
  const key = bytes('k')
  const requestRange = create(RangeRequest, { key })
  const requestDeleteRange = create(DeleteRangeRequest, { key })
  const reading = { success: [create(RequestOp, { requestRange })] }
  const writing = { success: [create(RequestOp, { requestDeleteRange })] }
  const ofTxns = [
    await replica.replicaOf('/etcdserverpb.KV/Txn', reading),
    await replica.replicaOf('/etcdserverpb.KV/Txn', writing),
    await leader.replicaOf('/etcdserverpb.KV/Txn', reading),
  ]
  expect(ofTxns, '[RPL92]').toEqual([['weur'], [], []])
  const { ID: lease } = await replica.call('/etcdserverpb.Lease/LeaseGrant', { TTL: 60 })
  for (let i = 0; i < 20; i++) {
    const through = i % 2 === 0 ? replica : leader
    await through.call('/etcdserverpb.KV/Put', {
      key: bytes(`k${i % 5}`),
      value: bytes(`${i}`),
      lease,
    })
  }
  const own = await replica.call('/etcdserverpb.KV/Range', { key: bytes('k4'), serializable: true })
  expect(own.kvs[0]?.value).toEqual(Buffer.from('19'))
  const revisions: number[] = []
  while (revisions.length < 20) {
    const events = (await watch.next())?.events ?? []
    revisions.push(...events.map(({ kv }) => kv?.modRevision ?? 0))
  }
  expect(revisions).toEqual(Array.from({ length: 20 }, (_, at) => at + 2))
  await replica.call('/etcdserverpb.Lease/LeaseRevoke', { ID: lease })
  await replica.call('/etcdserverpb.KV/Compact', { revision: 10 })
  for (const revision of [11, 15, 21, 22]) {
    const [ours, theirs] = [
      await leader.call(HASH_KV, { revision }),
      await replica.call(HASH_KV, { revision }),
    ]
    expect(theirs.hash).toBe(ours.hash)
    expect(theirs.compactRevision).toBe(ours.compactRevision)
  }
  await expect(
    replica.call('/etcdserverpb.KV/Range', { key: bytes('k'), revision: 9 }),
  ).rejects.toMatchObject({ code: Code.OUT_OF_RANGE })
})
