// Watches as the watch cache of kube-apiserver holds them.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { type Event, EventType, type WatchResponse } from '../../src/protocol/generated/messages.ts'
import { GrpcClient } from './grpc-client.ts'
import {
  created,
  Kubernetes,
  nextResponse,
  progressRequest,
  revisionOf,
  text,
  type UpstreamWatch,
  watchRequest,
} from './kubernetes-client.ts'
import { Random } from './random.ts'
import { Target } from './target.ts'

const PODS = '/registry/pods/'

async function start(
  flags: readonly string[] = [],
): Promise<{ store: Kubernetes; connect: () => Kubernetes; url: string }> {
  const target = await Target.start(flags)
  onTestFinished(() => target.stop())
  const connect = (): Kubernetes => {
    const client = new GrpcClient(target.url)
    onTestFinished(() => client.close())
    return new Kubernetes(client)
  }
  return { store: connect(), connect, url: target.url }
}

function watchStream(store: Kubernetes): UpstreamWatch {
  const watch = store.watchStream()
  onTestFinished(() => watch.cancel())
  return watch
}

const modRevision = ({ kv }: Event): number => kv?.modRevision ?? 0

it('[K8S12] a change comes with what was there before, a creation without', async () => {
  const { store } = await start()
  await store.create(`${PODS}a`, 'before')
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, (await store.currentRevision(PODS)) + 1))
  expect(await created(watch)).toMatchObject({ header: { revision: 2 }, events: [] })
  await store.create(`${PODS}b`, 'first')
  await store.update(`${PODS}a`, 'after', 2)
  await store.delete(`${PODS}a`, 4)
  const events: Event[] = []
  while (events.length < 3) {
    events.push(...(await nextResponse(watch)).events)
  }
  const told = events.map(({ type, kv, prevKv }) => ({
    type,
    key: text(kv?.key ?? new Uint8Array()),
    revision: kv?.modRevision,
    before: prevKv === undefined ? undefined : text(prevKv.value),
    beforeRevision: prevKv?.modRevision,
  }))
  const [a, b] = [`${PODS}a`, `${PODS}b`]
  expect(told).toEqual([
    { type: EventType.PUT, key: b, revision: 3, before: undefined, beforeRevision: undefined },
    { type: EventType.PUT, key: a, revision: 4, before: 'before', beforeRevision: 2 },
    { type: EventType.DELETE, key: a, revision: 5, before: 'after', beforeRevision: 4 },
  ])
})

it('[K8S13] a list and the watch from its revision on are the state at any later time', async () => {
  const { store, connect } = await start()
  const random = new Random(1)
  const state = new Map<string, number>()
  let writing = true
  const written = writeAtRandom(connect(), random, () => writing)
  await sleep(20)
  const list = await store.list(PODS)
  for (const { key, modRevision: revision } of list.kvs) {
    state.set(text(key), revision)
  }
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, revisionOf(list) + 1))
  await created(watch)
  await sleep(200)
  writing = false
  await written
  const last = await store.list(PODS)
  let seen = revisionOf(list)
  while (seen < revisionOf(last)) {
    for (const { type, kv } of (await nextResponse(watch)).events) {
      expect(kv?.modRevision).toBe(seen + 1)
      seen += 1
      const key = text(kv?.key ?? new Uint8Array())
      if (type === EventType.DELETE) {
        state.delete(key)
      } else {
        state.set(key, seen)
      }
    }
  }
  const expected = last.kvs.map(({ key, modRevision: at }): [string, number] => [text(key), at])
  expect(state).toEqual(new Map(expected))
})

/** Each write is one revision below the prefix: creations, updates and deletions of a few keys. */
async function writeAtRandom(
  store: Kubernetes,
  random: Random,
  goOn: () => boolean,
): Promise<void> {
  const revisions = new Map<string, number>()
  while (goOn()) {
    const key = `${PODS}${random.integer(1, 20)}`
    const revision = revisions.get(key)
    if (revision === undefined) {
      revisions.set(key, (await store.create(key, 'new')).revision)
    } else if (random.chance(0.3)) {
      await store.delete(key, revision)
      revisions.delete(key)
    } else {
      revisions.set(key, (await store.update(key, 'changed', revision)).revision)
    }
  }
}

it('[K8S14] progress is told when asked for every 100 ms under writes, after all it covers', async () => {
  const { store, connect } = await start()
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, 2))
  await created(watch)
  let writing = true
  const written = Promise.all(
    [1, 2, 3, 4].map((seed) => {
      const own = `${PODS}${seed}/`
      return writeBelow(connect(), own, () => writing)
    }),
  )
  const asking = setInterval(() => watch.send(progressRequest), 100)
  const responses: WatchResponse[] = []
  while (responses.filter(isProgress).length < 10) {
    responses.push(await nextResponse(watch))
  }
  clearInterval(asking)
  writing = false
  await written
  // All writes are below the watched prefix: each revision is an event, in front of its progress.
  const told = responses.flatMap((response) =>
    isProgress(response) ? [revisionOf(response)] : response.events.map(modRevision),
  )
  const events = responses.flatMap((response) => response.events).length
  expect([...new Set(told)]).toEqual(Array.from({ length: events }, (_, place) => place + 2))
  expect(told).toEqual(told.toSorted((a, b) => a - b))
  expect(events).toBeGreaterThan(50)
})

const isProgress = ({ watchId }: WatchResponse): boolean => watchId === -1

async function writeBelow(store: Kubernetes, prefix: string, goOn: () => boolean): Promise<void> {
  for (let place = 0; goOn(); place++) {
    await store.create(`${prefix}${place}`, 'x'.repeat(1000))
  }
}

it('[K8S15] progress that is asked for by a quiet stream tells writes that are of no concern to it', async () => {
  const { store } = await start()
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, 2))
  watch.send(watchRequest('/registry/leases/', 2))
  await created(watch)
  await created(watch)
  for (let place = 0; place < 5; place++) {
    const { revision } = await store.create(`/registry/events/${place}`, 'event')
    watch.send(progressRequest)
    expect(await nextResponse(watch)).toMatchObject({
      watchId: -1,
      header: { revision },
      events: [],
    })
  }
})

it('[K8S16] a quiet watch is told of progress by itself when it asked for that', async () => {
  const { store } = await start(['--watch-progress-notify-interval=100ms'])
  await store.create(`${PODS}a`, 'x')
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, 2))
  await created(watch)
  expect((await nextResponse(watch)).events).toHaveLength(1)
  const { revision } = await store.create('/registry/events/a', 'event')
  let response = await nextResponse(watch)
  while (revisionOf(response) < revision) {
    response = await nextResponse(watch)
  }
  expect(response).toMatchObject({ watchId: 0, header: { revision }, events: [] })
})

it('[K8S17] an expired lease deletes its objects in one revision, and the events tell what they were', async () => {
  const { store } = await start()
  const lease = await store.grant(2)
  await store.create('/registry/events/a', 'one', lease)
  await store.create('/registry/events/b', 'two', lease)
  const watch = watchStream(store)
  watch.send(watchRequest('/registry/events/', 4))
  await created(watch)
  const { events } = await nextResponse(watch)
  expect(events).toMatchObject([
    { type: EventType.DELETE, kv: { modRevision: 4 }, prevKv: { modRevision: 2, lease } },
    { type: EventType.DELETE, kv: { modRevision: 4 }, prevKv: { modRevision: 3, lease } },
  ])
})

it('[K8S18] a watch from a compacted revision is created, and canceled with that revision', async () => {
  const { store } = await start()
  for (let place = 0; place < 5; place++) {
    await store.create(`${PODS}${place}`, 'x')
  }
  await store.compact(5)
  const watch = watchStream(store)
  watch.send(watchRequest(PODS, 3))
  await created(watch)
  expect(await nextResponse(watch)).toMatchObject({
    canceled: true,
    created: false,
    compactRevision: 5,
    cancelReason: '',
  })
})

const CONNECTIONS = 100
const WATCHES = 60

it('[K8S19] a hundred connections with sixty watches each see what is theirs and nothing else', async () => {
  const { store, connect } = await start()
  const watches = Array.from({ length: CONNECTIONS }, () => watchStream(connect()))
  const ranges = Array.from({ length: WATCHES }, (_, place) => `/registry/resource-${place}/`)
  const revision = await store.currentRevision(PODS)
  await Promise.all(
    watches.map(async (watch) => {
      ranges.forEach((range) => watch.send(watchRequest(range, revision + 1)))
      for (const [id] of ranges.entries()) {
        expect(await created(watch)).toMatchObject({ watchId: id })
      }
    }),
  )
  const last = await writeToEach(store, ranges)
  await Promise.all(
    watches.map(async (watch) => {
      let response = await nextResponse(watch)
      for (const [id, range] of ranges.entries()) {
        expect(response).toMatchObject({ watchId: id })
        const [event] = response.events
        expect(response.events.length).toBe(1)
        expect(text(event?.kv?.key ?? new Uint8Array())).toBe(`${range}object`)
        response = id < ranges.length - 1 ? await nextResponse(watch) : response
      }
      watch.send(progressRequest)
      const progress = await nextResponse(watch)
      expect(progress).toMatchObject({ watchId: -1, header: { revision: last } })
    }),
  )
})

async function writeToEach(store: Kubernetes, ranges: readonly string[]): Promise<number> {
  let last = 0
  for (const range of ranges) {
    last = (await store.create(`${range}object`, 'x')).revision
  }
  return last
}
