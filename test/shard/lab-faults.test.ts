import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import type { LineFault } from '../../src/protocol/fault-rpc.ts'
import { PutRequest, RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { ask, call, put, shardNamed } from './calls.ts'
import { wholeReplicaOf } from './replica-objects.ts'

const RANGE = '/etcdserverpb.KV/Range'
const PUT = '/etcdserverpb.KV/Put'
const key = new TextEncoder().encode('a')

function fault(changed: Partial<LineFault>): LineFault {
  const until = Date.now() + 60_000
  return { until, isCut: false, unreachable: [], ownRegion: 'weur', slowMs: 0, ...changed }
}

/** A call's own promise is not one that can be waited for twice. */
async function problemOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

it('[LAB9] objects of other keyspaces refuse to be cut off or crashed', async () => {
  const { leader, replica } = await wholeReplicaOf('no-lab', 'oc')
  for (const object of [leader, replica]) {
    expect(await problemOf(() => object.setFault(fault({ isCut: true })))).toContain(
      'none of a lab',
    )
    expect(await problemOf(() => object.crash())).toContain('none of a lab')
  }
  expect(await ask(leader, PUT, create(PutRequest, put('a', '1')))).toBeDefined()
})

it('[LAB9] a replica that is cut off answers what it has, and nothing that needs the leader', async () => {
  const { leader, replica } = await wholeReplicaOf('lab-cut', 'oc')
  await ask(leader, PUT, create(PutRequest, put('a', '1')))
  await ask(replica, RANGE, create(RangeRequest, { key }))
  await replica.setFault(fault({ isCut: true }))
  expect(await problemOf(() => replica.push(new Uint8Array()))).toContain('the line is cut')
  expect(
    await ask(replica, RANGE, create(RangeRequest, { key, serializable: true })),
  ).toMatchObject({ count: 1 })
  expect(await call(replica, PUT, create(PutRequest, put('a', '2')))).toHaveProperty('refused')
  await replica.setFault(fault({}))
  expect(await ask(replica, RANGE, create(RangeRequest, { key }))).toMatchObject({
    kvs: [{ version: 1 }],
  })
})

it('[LAB9] a leader that is cut off hears nothing of replicas and directory, until that is over', async () => {
  const { leader, replica } = await wholeReplicaOf('lab-away', 'oc')
  const successor = { region: 'oc', epoch: 2, force: true } as const
  await leader.setFault(fault({ isCut: true }))
  expect(await problemOf(() => leader.handOver(successor))).toContain('the line is cut')
  expect(await problemOf(() => leader.replicas())).toContain('the line is cut')
  expect(await ask(leader, PUT, create(PutRequest, put('a', '1')))).toBeDefined()
  await replica.setFault(fault({ unreachable: ['weur'] }))
  expect(await call(replica, PUT, create(PutRequest, put('a', '2')))).toHaveProperty('refused')
  // Whoever has forgotten to say so: it ends by itself.
  await leader.setFault(fault({ isCut: true, until: Date.now() - 1 }))
  await replica.setFault(fault({ unreachable: ['weur'], until: Date.now() - 1 }))
  expect(await leader.replicas()).toMatchObject({ epoch: 1 })
  expect(await ask(replica, PUT, create(PutRequest, put('a', '3')))).toBeDefined()
})

it('[LAB9] a crash loses the object and nothing that it has written', async () => {
  const shard = await shardNamed('lab-crash')
  await ask(shard, PUT, create(PutRequest, put('a', '1')))
  expect(await problemOf(() => shard.crash())).toContain('the lab has crashed it')
  expect(
    await ask(env.SHARD.getByName('lab-crash'), RANGE, create(RangeRequest, { key })),
  ).toMatchObject({ count: 1 })
})
