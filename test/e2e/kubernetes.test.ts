// Reads and writes as kube-apiserver makes them, in its order.
import { expect, it, onTestFinished } from 'vitest'
import type { KeyValue } from '../../src/protocol/generated/messages.ts'
import { Code } from '../../src/protocol/status.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { send } from './http.ts'
import { Kubernetes, revisionOf, text } from './kubernetes-client.ts'
import { Target } from './target.ts'

const PODS = '/registry/pods/'

async function start(): Promise<{ store: Kubernetes; client: GrpcClient; target: Target }> {
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  return { store: new Kubernetes(client), client, target }
}

const podAt = (place: number): string => `${PODS}default/pod-${String(place).padStart(5, '0')}`

async function createPods(store: Kubernetes, count: number, value = 'pod'): Promise<void> {
  for (let place = 0; place < count; place++) {
    const { succeeded } = await store.create(podAt(place), value)
    expect(succeeded).toBe(true)
  }
}

it('[K8S1] a server is healthy, empty, and new enough for kubeadm and the watch cache', async () => {
  const { store, client, target } = await start()
  expect(await store.get('/registry/health')).toBeUndefined()
  expect(await store.currentRevision('/registry/pods')).toBe(1)
  const status = await client.call('/etcdserverpb.Maintenance/Status', {})
  expect(status.version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(status.version.localeCompare('3.6.9', 'en', { numeric: true })).toBeGreaterThan(0)
  expect(status.dbSize).toBeGreaterThan(0)
  const version = await send(target.url, { method: 'GET', path: '/version' })
  expect(version.body).toContain(`"etcdserver":"${status.version}"`)
})

it('[K8S2] an object is created once, and what is not written leaves the revision', async () => {
  const { store } = await start()
  expect(await store.create(podAt(0), 'first')).toEqual({ succeeded: true, revision: 2 })
  expect(await store.create(podAt(0), 'second')).toEqual({ succeeded: false, revision: 2 })
  expect(await store.create(podAt(1), 'first')).toEqual({ succeeded: true, revision: 3 })
  expect(await store.get(podAt(0))).toMatchObject({ createRevision: 2, modRevision: 2, version: 1 })
})

it('[K8S3] an update that comes too late is told what is there', async () => {
  const { store } = await start()
  await store.create(podAt(0), 'first')
  expect(await store.update(podAt(0), 'second', 2)).toMatchObject({ succeeded: true, revision: 3 })
  const late = await store.update(podAt(0), 'third', 2)
  expect(late).toMatchObject({ succeeded: false, revision: 3, found: { count: 1 } })
  const [found] = late.found?.kvs ?? []
  expect(found).toMatchObject({ createRevision: 2, modRevision: 3, version: 2 })
  expect(text(found?.value ?? new Uint8Array())).toBe('second')
  const missing = await store.update(podAt(1), 'first', 2)
  expect(missing).toMatchObject({ succeeded: false, revision: 3, found: { count: 0, kvs: [] } })
})

it('[K8S4] so is a deletion, and what is deleted can be created again', async () => {
  const { store } = await start()
  await store.create(podAt(0), 'first')
  await store.update(podAt(0), 'second', 2)
  const late = await store.delete(podAt(0), 2)
  expect(late).toMatchObject({ succeeded: false, found: { kvs: [{ modRevision: 3 }] } })
  expect(await store.delete(podAt(0), 3)).toMatchObject({ succeeded: true, revision: 4 })
  expect(await store.delete(podAt(0), 3)).toMatchObject({ succeeded: false, found: { count: 0 } })
  expect(await store.create(podAt(0), 'third')).toMatchObject({ succeeded: true, revision: 5 })
  expect(await store.get(podAt(0))).toMatchObject({ createRevision: 5, version: 1 })
  expect(await store.get(podAt(0), 3)).toMatchObject({ createRevision: 2, version: 2 })
})

it('[K8S5] pages continue at the revision of the first, whatever is written meanwhile', async () => {
  const { store } = await start()
  await createPods(store, 25)
  const revision = await store.currentRevision(PODS)
  const seen: string[] = []
  const left: number[] = []
  for await (const page of store.pages(PODS, 10)) {
    seen.push(...page.kvs.map(({ key }) => text(key)))
    left.push(page.count)
    expect(page.more).toBe(page.kvs.length < page.count)
    // The header tells the present, and the page the past.
    expect(revisionOf(page)).toBe(revision + 2 * (left.length - 1))
    await store.create(podAt(100 + left.length), 'later')
    await store.delete(
      podAt(30 - left.length),
      (await store.get(podAt(30 - left.length)))?.modRevision ?? 0,
    )
    await store.update(podAt(left.length), 'changed', 2 + left.length)
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, place) => podAt(place)))
  expect(left).toEqual([25, 15, 5])
})

it('[K8S6] keys are counted and listed without values, and any list tells the revision', async () => {
  const { store } = await start()
  await createPods(store, 12)
  await store.create('/registry/podsabove', 'not a pod')
  expect(await store.count(PODS)).toBe(12)
  expect(await store.keys(PODS)).toEqual(Array.from({ length: 12 }, (_, place) => podAt(place)))
  expect(await store.currentRevision('/registry/nothing/')).toBe(14)
  const exact = await store.list(PODS, { revision: 5 })
  expect(exact).toMatchObject({ count: 4, more: false, header: { revision: 14 } })
  expect(exact.kvs.map(({ modRevision }) => modRevision)).toEqual([2, 3, 4, 5])
})

it('[K8S7] one of two apiservers compacts, by the version of a key', async () => {
  const { store } = await start()
  await createPods(store, 5)
  const first = await store.turnOfCompaction(0, 0)
  expect(first).toMatchObject({ succeeded: true, header: { revision: 7 } })
  const late = await store.turnOfCompaction(0, 0)
  const [answer] = late.responses
  expect(late).toMatchObject({ succeeded: false, header: { revision: 7 } })
  expect(answer?.responseRange?.kvs).toMatchObject([{ version: 1 }])
  const second = await store.turnOfCompaction(1, 7)
  expect(second).toMatchObject({ succeeded: true, header: { revision: 8 } })
  await store.compact(7)
  expect(await store.get('compact_rev_key')).toMatchObject({ version: 2, modRevision: 8 })
  expect((await store.list(PODS, { revision: 7 })).count).toBe(5)
  const compacted = {
    code: Code.OUT_OF_RANGE,
    message: 'etcdserver: mvcc: required revision has been compacted',
  }
  expect(await refusalOf(store.list(PODS, { revision: 6 }))).toEqual(compacted)
  expect(await refusalOf(store.list(PODS, { revision: 6, from: podAt(3), limit: 2 }))).toEqual(
    compacted,
  )
  expect(await refusalOf(store.listStream(PODS, { revision: 6 }).next())).toEqual(compacted)
  expect(await refusalOf(store.compact(7))).toEqual(compacted)
})

it('[K8S8] a revision that is yet to come is refused, in lists and gets', async () => {
  const { store } = await start()
  await createPods(store, 2)
  const future = {
    code: Code.OUT_OF_RANGE,
    message: 'etcdserver: mvcc: required revision is a future revision',
  }
  expect(await refusalOf(store.list(PODS, { revision: 4 }))).toEqual(future)
  expect(await refusalOf(store.get(podAt(0), 99))).toEqual(future)
  expect(await refusalOf(store.listStream(PODS, { revision: 4 }).next())).toEqual(future)
  expect(await refusalOf(store.compact(4))).toEqual(future)
})

it('[K8S9] a list that is streamed is the list: its last message tells header, count and more', async () => {
  const { store } = await start()
  await createPods(store, 80, 'x'.repeat(50_000))
  for (const options of [{}, { limit: 70 }, { revision: 75 }, { from: podAt(7), limit: 1000 }]) {
    const messages = await store.listStream(PODS, options).all()
    const chunks = messages.map(({ rangeResponse }) => rangeResponse)
    expect(chunks.length).toBeGreaterThan(1)
    for (const chunk of chunks.slice(0, -1)) {
      expect(chunk).toMatchObject({ header: undefined, count: 0, more: false })
    }
    const merged = { ...chunks.at(-1), kvs: chunks.flatMap((chunk) => chunk?.kvs ?? []) }
    const list = await store.list(PODS, options)
    expect({ ...merged, kvs: merged.kvs.map(readable) }).toEqual({
      ...list,
      kvs: list.kvs.map(readable),
    })
  }
  const nothing = await store.listStream('/registry/nothing/').all()
  expect(nothing).toMatchObject([
    { rangeResponse: { header: { revision: 81 }, kvs: [], count: 0 } },
  ])
})

/** Byte by byte, long values take seconds to compare. */
const readable = ({ key, value, ...others }: KeyValue): object => ({
  ...others,
  key: text(key),
  value: text(value),
})

it('[K8S10] a streamed list is of one revision, whatever is written while it is read', async () => {
  const { store } = await start()
  await createPods(store, 80, 'x'.repeat(50_000))
  const stream = store.listStream(PODS)
  const first = await stream.next()
  await store.update(podAt(79), 'changed', 81)
  await store.create(podAt(80), 'new')
  const chunks = [first, ...(await stream.all())].map((message) => message?.rangeResponse)
  const kvs = chunks.flatMap((chunk) => chunk?.kvs ?? [])
  expect(kvs.map(({ key }) => text(key))).toEqual(
    Array.from({ length: 80 }, (_, place) => podAt(place)),
  )
  expect(Math.max(...kvs.map(({ modRevision }) => modRevision))).toBe(81)
  expect(chunks.at(-1)).toMatchObject({ header: { revision: 81 }, count: 80, more: false })
})

it('[K8S11] a streamed list in another order, or filtered, is not offered', async () => {
  const { client } = await start()
  const refusal = (request: object): Promise<unknown> => {
    const whole = { key: Buffer.from('a'), rangeEnd: Buffer.from('b'), ...request }
    return refusalOf(client.serverStream('/etcdserverpb.KV/RangeStream', whole).next())
  }
  expect(await refusal({ sortOrder: 2 })).toEqual({
    code: Code.UNIMPLEMENTED,
    message: 'RangeStream does not support custom sort orders',
  })
  expect(await refusal({ minModRevision: 2 })).toEqual({
    code: Code.UNIMPLEMENTED,
    message: 'RangeStream does not support revision filters',
  })
})

it('[K8S20] a client may call the server by any name, as k3s does', async () => {
  const { target } = await start()
  const client = new GrpcClient(target.url, '#initially=[127.0.0.1:1;127.0.0.1:2]')
  onTestFinished(() => client.close())
  expect(await new Kubernetes(client).create('/bootstrap/0', 'x')).toMatchObject({ revision: 2 })
})
