import { describe, expect, it } from 'vitest'
import { leader, proclaim, resign } from '../../src/concurrency/election.ts'
import { refusingAsUnknown } from '../../src/concurrency/recipe-client.ts'
import { Code, RpcStatus } from '../../src/protocol/status.ts'
import { utf8, type Waiter, World } from './world.ts'

/** More than the store holds events of: watchers read those of the log. */
const MANY = 10_001

describe('a waiting call', () => {
  it('[CON6] is woken by a deletion of so many keys that nobody holds their events', async () => {
    const { world, second } = await held()
    for (let i = 0; i < MANY; i++) {
      world.put(`a/${i}`)
    }
    world.delete('a', 'n/1\0')
    await world.settle()
    expect(second.won).toBe(true)
  })

  it('[CON6] is woken by the end of the lease that the key ahead hangs on', async () => {
    const { world, second } = await held()
    world.keyspace.lessor.revoke(1n)
    await world.settle()
    expect(second.won).toBe(true)
  })

  it('[CON6] sleeps through everything but the deletion of the key ahead', async () => {
    const { world, second } = await held()
    const { steps } = world
    world.put('n/1', 'again')
    world.put('n/0')
    world.delete('n/0')
    world.put('n/11')
    await world.settle()
    expect(second.waits).toBe(true)
    expect(world.steps).toBe(steps)
  })

  it('[CON7] leaves no watch behind when it is answered, and none when it is dropped', async () => {
    const { world, second } = await held()
    const third = world.lock('n', 3n)
    await world.settle()
    expect(world.keyspace.hub.watcherCount).toBe(2)
    third.drop()
    world.delete('n/1')
    await world.settle()
    expect(second.won).toBe(true)
    expect(world.keyspace.hub.watcherCount).toBe(0)
    expect(world.keyspace.hub.streamCount).toBe(0)
    expect(world.calls.waiting).toBe(0)
  })

  it('[CON8] that is dropped before it has begun neither writes nor takes a lease', async () => {
    const world = new World()
    const { revision } = world.keyspace.store
    const waiter = world.lock('n', 0n)
    waiter.drop()
    await world.settle()
    expect(messageOf(waiter)).toBe('etcdserver: request canceled')
    expect(world.keyspace.store.revision).toBe(revision)
    expect(world.keyspace.lessor.leases()).toEqual([])
  })

  it('[CON8] that is dropped in the turn that gave it the lock leaves the lock', async () => {
    const { world, second } = await held()
    world.delete('n/1')
    second.drop()
    await world.settle()
    expect(second.won).toBe(false)
    expect(world.queue('n')).toEqual([])
  })

  it('[CON9] leaves the queue by the server itself when its caller may read no more', async () => {
    const { world, second } = await held()
    const candidate = world.campaign('n', 3n, 'value')
    await world.settle()
    world.denied = true
    world.delete('n/1')
    await world.settle()
    expect(second.outcome).toEqual(new RpcStatus(Code.UNKNOWN, 'etcdserver: permission denied'))
    // An election is not left so in etcd: the candidate's key stays as long as its lease.
    expect(messageOf(candidate)).toBe('etcdserver: permission denied')
    expect(world.queue('n')).toEqual(['n/3'])
  })

  it('[CON9] is dropped by the server itself, whatever its caller may do', async () => {
    const { world, second } = await held()
    const candidate = world.campaign('n', 3n, 'value')
    await world.settle()
    world.denied = true
    second.drop()
    candidate.drop()
    await world.settle()
    expect(world.queue('n')).toEqual(['n/1'])
  })
})

describe('the lease of a call', () => {
  it('[CON10] is one of 60 s when none is given, for Proclaim and Resign too', async () => {
    const world = new World()
    const waiter = world.campaign('n', 0n, 'value')
    await world.settle()
    const { leader: key } = leaderOf(waiter)
    expect(world.keyspace.lessor.leases()).toEqual([key.lease])
    expect(world.keyspace.lessor.timeToLive(key.lease, 0).grantedTTL).toBe(60)
    const { caller } = world.clients
    proclaim(caller, { leader: { ...key, lease: 0n }, value: utf8('new') })
    const [, second] = world.keyspace.lessor.leases()
    expect(leader(caller, { name: utf8('n') }).kv?.lease).toBe(second)
    resign(caller, { leader: { ...key, lease: 0n } })
    expect(world.keyspace.lessor.leases().length).toBe(3)
    expect(world.queue('n')).toEqual([])
  })

  it('[CON11] is not renewed', async () => {
    const world = new World()
    world.grant(1n)
    const before = world.keyspace.lessor.nextDeadline()
    world.lock('n', 1n)
    world.campaign('m', 1n, '')
    await world.settle()
    expect(world.queue('n')).toEqual(['n/1'])
    expect(world.keyspace.lessor.nextDeadline()).toBe(before)
  })
})

describe('a refusal', () => {
  it('[CON12] keeps its words and loses its code; a defect is passed on as it is', () => {
    const defect = new Error('invariant broken')
    const { clients } = new World()
    const client = refusingAsUnknown({
      ...clients.server,
      range: () => {
        throw defect
      },
    })
    expect(() => leader(client, { name: utf8('n') })).toThrow(defect)
    const lost = { name: utf8('n'), key: new Uint8Array(0), rev: 1, lease: 5n }
    expect(() => resign(clients.caller, { leader: lost })).toThrow(
      new RpcStatus(Code.UNKNOWN, 'etcdserver: key is not provided'),
    )
  })
})

/** A world in which lease 1 has the lock `n` and lease 2 waits for it. */
async function held(): Promise<{ readonly world: World; readonly second: Waiter }> {
  const world = new World()
  world.grant(1n, 2n, 3n)
  world.lock('n', 1n)
  await world.settle()
  const second = world.lock('n', 2n)
  await world.settle()
  expect(second.waits).toBe(true)
  return { world, second }
}

function messageOf({ outcome }: Waiter): string {
  return outcome instanceof Error ? outcome.message : 'answered'
}

function leaderOf({ outcome }: Waiter) {
  if (outcome === undefined || !('leader' in outcome) || outcome.leader === undefined) {
    throw new Error('not elected')
  }
  return { leader: outcome.leader }
}
