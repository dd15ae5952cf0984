// The npm client `etcd3`, which knows gRPC and etcd's texts from its own sources.
import { once } from 'node:events'
import {
  Etcd3,
  EtcdLeaseInvalidError,
  EtcdLockFailedError,
  GRPCInvalidArgumentError,
  GRPCOutOfRangeError,
  type Watcher,
} from 'etcd3'
import { expect, it, onTestFinished } from 'vitest'
import { Target } from './target.ts'
import { TcpProxy } from './tcp-proxy.ts'

async function start(): Promise<{ client: Etcd3; target: Target; proxy: TcpProxy }> {
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const proxy = await TcpProxy.start(target.url)
  onTestFinished(() => proxy.close())
  return { client: connectTo(proxy.url), target, proxy }
}

function connectTo(url: string): Etcd3 {
  const client = new Etcd3({ hosts: url })
  onTestFinished(() => client.close())
  return client
}

it('[JSC1] keys are put, got, listed, counted and deleted', async () => {
  const { client } = await start()
  await client.put('a').value('1')
  await client.put('a/1').value('one')
  await client.put('a/2').value(Buffer.from([0, 255]))
  await client.put('b').value(2)
  expect(await client.get('a').string()).toBe('1')
  expect(await client.get('b').number()).toBe(2)
  expect(await client.get('a/2').buffer()).toEqual(Buffer.from([0, 255]))
  expect(await client.get('missing')).toBeNull()
  expect(await client.getAll().prefix('a/').keys()).toEqual(['a/1', 'a/2'])
  expect(await client.getAll().sort('Key', 'Descend').limit(2).keys()).toEqual(['b', 'a/2'])
  expect(await client.getAll().count()).toBe(4)
  expect((await client.getAll().prefix('a').strings())['a/1']).toBe('one')
  expect((await client.get('a').revision(2).exec()).kvs).toMatchObject([{ mod_revision: '2' }])
  expect(await client.put('a').value('2').getPrevious()).toMatchObject({ mod_revision: '2' })
  await client.put('a').ignoreLease().value('3')
  expect(await client.delete().key('a').getPrevious()).toMatchObject([{ version: '3' }])
  expect((await client.delete().prefix('a/')).deleted).toBe('2')
  expect((await client.delete().all()).deleted).toBe('1')
  expect(await client.getAll().exec()).toMatchObject({ count: '0', header: { revision: '10' } })
})

it('[JSC2] transactions take one branch or the other', async () => {
  const { client } = await start()
  await client.put('a').value('1')
  const swap = (expected: string) =>
    client
      .if('a', 'Value', '==', expected)
      .and('a', 'Version', '<', 5)
      .and('missing', 'Create', '==', 0)
      .then(client.put('a').value('2'), client.get('a'))
      .else(client.get('a'), client.delete().key('a'))
      .commit()
  const done = await swap('1')
  expect(done).toMatchObject({ succeeded: true, responses: [{ response: 'response_put' }, {}] })
  const refused = await swap('1')
  expect(refused).toMatchObject({ succeeded: false, responses: [{}, {}] })
  expect(refused.responses[1]).toMatchObject({ response_delete_range: { deleted: '1' } })
})

it('[JSC3] a software transaction is tried again when it collides', async () => {
  const { client } = await start()
  await client.put('counter').value(0)
  const increment = () =>
    client.stm({ retries: 100 }).transact(async (tx) => {
      const value = await tx.get('counter').number()
      await tx.put('counter').value((value ?? 0) + 1)
    })
  await Promise.all(Array.from({ length: 10 }, increment))
  expect(await client.get('counter').number()).toBe(10)
})

it('[JSC4] a lease is kept alive until it is revoked, and takes its keys along', async () => {
  const { client } = await start()
  const lease = client.lease(2)
  const id = await lease.grant()
  await lease.put('leased').value('x')
  // Longer than the lease would have lasted: one renewal in each third of it.
  for (const _ of [1, 2, 3, 4]) {
    const [{ ID, TTL }] = (await once(lease, 'keepaliveSucceeded')) as [{ ID: string; TTL: string }]
    expect({ id: BigInt(ID), TTL }).toEqual({ id: BigInt(id), TTL: '2' })
  }
  expect(await client.get('leased').string()).toBe('x')
  await lease.revoke()
  expect(await client.get('leased')).toBeNull()
})

it('[JSC5] a lease that is gone is told as lost', async () => {
  const { client } = await start()
  const lease = client.lease(2)
  const id = await lease.grant()
  const lost = once(lease, 'lost')
  await client.leaseClient.leaseRevoke({ ID: id })
  const [error] = (await lost) as [unknown]
  expect(error).toBeInstanceOf(EtcdLeaseInvalidError)
})

it('[JSC6] a watcher hears of puts and deletes', async () => {
  const { client } = await start()
  await client.put('a/0').value('before')
  const watcher = await client.watch().prefix('a/').withPreviousKV().create()
  const heard = collect(watcher)
  await client.put('a/1').value('1')
  await client.put('b').value('other')
  await client.put('a/0').value('after')
  await client.delete().prefix('a/')
  await heard.until(4)
  expect(heard.events).toEqual(['put a/1 1', 'put a/0 after', 'delete a/0', 'delete a/1'])
  await watcher.cancel()
})

it('[JSC7] many watchers share a stream, and each of them may leave', async () => {
  const { client } = await start()
  const watchers = await Promise.all(
    Array.from({ length: 20 }, (_, place) => client.watch().key(`k${place}`).create()),
  )
  const heard = watchers.map(collect)
  await watchers[7]?.cancel()
  await client.put('k7').value('x')
  for (const [place] of watchers.entries()) {
    await client.put(`k${place}`).value('y')
  }
  await Promise.all(heard.filter((_, place) => place !== 7).map((each) => each.until(1)))
  const expected = watchers.map((_, place) => (place === 7 ? [] : [`put k${place} y`]))
  expect(heard.map(({ events }) => events)).toEqual(expected)
})

it('[JSC8] a watcher whose connection is cut goes on without a gap or a repeat', async () => {
  const { client, proxy, target } = await start()
  const writer = connectTo(target.url)
  const watcher = await client.watch().prefix('a/').create()
  const heard = collect(watcher)
  const expected: string[] = []
  for (const round of [1, 2, 3]) {
    await writer.put(`a/${round}`).value('before')
    await heard.until(expected.push(`put a/${round} before`))
    const back = once(watcher, 'connected')
    proxy.cut()
    await writer.put(`a/${round}`).value('meanwhile')
    expected.push(`put a/${round} meanwhile`)
    await back
    await writer.put(`a/${round}`).value('after')
    await heard.until(expected.push(`put a/${round} after`))
  }
  expect(heard.events).toEqual(expected)
})

it('[JSC9] clients, watchers and leases outlive a restart of the server', async () => {
  const { client, proxy, target } = await start()
  await client.put('a').value('1')
  const lease = client.lease(30)
  await lease.put('leased').value('x')
  const watcher = await client.watch().prefix('a').create()
  const heard = collect(watcher)
  const back = once(watcher, 'connected')
  await target.kill9()
  await target.restart()
  proxy.target = target.url
  proxy.cut()
  await back
  await connectTo(target.url).put('a').value('2')
  await heard.until(1)
  expect(heard.events).toEqual(['put a 2'])
  expect(await client.get('leased').string()).toBe('x')
  await lease.revoke()
  expect(await client.get('leased')).toBeNull()
})

it('[JSC10] a lock has one holder', async () => {
  const { client, proxy } = await start()
  const other = connectTo(proxy.url)
  await client.lock('mutex').do(async () => {
    await expect(other.lock('mutex').acquire()).rejects.toBeInstanceOf(EtcdLockFailedError)
  })
  const lock = await other.lock('mutex').ttl(5).acquire()
  await expect(client.lock('mutex').acquire()).rejects.toBeInstanceOf(EtcdLockFailedError)
  await lock.release()
  await (await client.lock('mutex').acquire()).release()
  expect(await client.getAll().keys()).toEqual([])
})

it('[JSC11] an election has one leader, whom the next one succeeds', async () => {
  const { client, proxy } = await start()
  const other = connectTo(proxy.url)
  const [election, theirs] = [client.election('race', 5), other.election('race', 5)]
  const first = election.campaign('one')
  await once(first, 'elected')
  expect(await theirs.leader()).toBe('one')
  const observer = await theirs.observe()
  const second = theirs.campaign('two')
  await expect.poll(() => client.getAll().count()).toBe(2)
  const changed = once(observer, 'change')
  await first.proclaim('one again')
  expect(await changed).toEqual(['one again'])
  const elected = once(second, 'elected')
  await first.resign()
  await elected
  expect(await election.leader()).toBe('two')
  await second.resign()
  await observer.cancel()
})

it('[JSC12] a namespace is a prefix of all keys, of watches and locks too', async () => {
  const { client } = await start()
  const namespace = client.namespace('team/')
  const heard = collect(await namespace.watch().prefix('').create())
  await namespace.put('a').value('1')
  await client.put('a').value('2')
  expect(await namespace.getAll().strings()).toEqual({ a: '1' })
  expect(await client.getAll().keys()).toEqual(['a', 'team/a'])
  await namespace.lock('l').do(async () => {
    expect(await client.getAll().prefix('team/l').count()).toBe(1)
  })
  await namespace.if('a', 'Value', '==', '1').then(namespace.delete().all()).commit()
  await heard.until(4)
  expect(heard.events).toEqual(['put a 1', 'put l ', 'delete l', 'delete a'])
})

it('[JSC13] refusals are errors of the class that stands for their code or text', async () => {
  const { client } = await start()
  await client.put('a').value('1')
  const lease = client.leaseClient.leaseRevoke({ ID: '1234' })
  await expect(lease).rejects.toBeInstanceOf(EtcdLeaseInvalidError)
  const leased = client.put('a').value('1').lease('1234').exec()
  await expect(leased).rejects.toBeInstanceOf(EtcdLeaseInvalidError)
  const future = client.getAll().revision(99).exec()
  await expect(future).rejects.toBeInstanceOf(GRPCOutOfRangeError)
  const empty = client.put('').value('1').exec()
  await expect(empty).rejects.toBeInstanceOf(GRPCInvalidArgumentError)
  await expect(empty).rejects.toThrow('etcdserver: key is not provided')
})

it('[JSC14] the cluster has one member, and its maintenance calls answer', async () => {
  const { client } = await start()
  const { members } = await client.cluster.memberList({})
  expect(members).toHaveLength(1)
  const status = await client.maintenance.status()
  expect(status.leader).toBe(members[0]?.ID)
  expect((await client.maintenance.hash()).header.revision).toBe('1')
  expect((await client.maintenance.alarm({ action: 'Get' })).alarms).toEqual([])
})

interface Heard {
  readonly events: readonly string[]
  until(count: number): Promise<void>
}

function collect(watcher: Watcher): Heard {
  const events: string[] = []
  let wake: (() => void) | undefined
  const hear = (event: string): void => {
    events.push(event)
    wake?.()
  }
  watcher.on('put', ({ key, value }) => hear(`put ${key.toString()} ${value.toString()}`))
  watcher.on('delete', ({ key }) => hear(`delete ${key.toString()}`))
  return {
    events,
    until: async (count) => {
      while (events.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
    },
  }
}
