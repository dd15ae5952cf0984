import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { base64, type JsonObject } from './http.ts'
import { httpTransport, type OpenStream, webSocketTransport } from './streams.ts'
import { Target, targetIsEtcd } from './target.ts'
import { eventsOf, headerAt, Keyspace, kv, WatchSession } from './watch-session.ts'

let target: Target
let prefixes = 0
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

/** A part of the keyspace that no other test touches. */
function freshPrefix(): string {
  prefixes += 1
  return `watch-${String(prefixes).padStart(3, '0')}/`
}

const range = (prefix: string): JsonObject => ({
  key: base64(prefix),
  range_end: base64(`${prefix.slice(0, -1)}0`),
})

/** Proves that nothing else is under way: the event of one more put is the next message. */
async function expectSilence(watch: WatchSession): Promise<void> {
  const marker = `${freshPrefix()}marker`
  const created = await watch.created({ key: base64(marker), watch_id: 4242 })
  expect(created).toMatchObject({ watch_id: '4242' })
  await keyspace.put(marker, '')
  expect(await watch.next()).toMatchObject({ watch_id: '4242' })
}

const idsOf = (answers: readonly JsonObject[]): readonly unknown[] =>
  answers.map((answer) => answer['watch_id'])

const transports: readonly (readonly [string, OpenStream])[] = [
  ['HTTP', httpTransport],
  ['WebSocket', webSocketTransport],
]

describe.each(transports)('watch over %s', (_, transport) => {
  function open(): WatchSession {
    const stream = transport(target.url, '/v3/watch')
    onTestFinished(() => stream.close())
    return new WatchSession(stream)
  }

  it('[WSH1] tells that a watch is created, at the current revision, id 0 left out', async () => {
    const prefix = freshPrefix()
    const revision = await keyspace.put(`${prefix}a`, '1')
    expect(await open().created(range(prefix))).toEqual({
      header: headerAt(revision),
      created: true,
    })
  })

  it('[WAT36] comes without values where filter 2379 asks for that, which etcd passes over', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const start = await keyspace.revision()
    await watch.created({ ...range(prefix), filters: ['NODELETE', 2379], prev_kv: true })
    await keyspace.put(`${prefix}a`, '1')
    await keyspace.put(`${prefix}a`, '2')
    const [, second] = await watch.take(2)
    const shown = (modified: number, version: number, value: string): JsonObject =>
      kv({
        key: `${prefix}a`,
        created: start + 1,
        modified,
        version,
        ...(targetIsEtcd && { value }),
      })
    expect(second?.['events']).toEqual([
      { kv: shown(start + 2, 2, '2'), prev_kv: shown(start + 1, 1, '1') },
    ])
  })

  it('[WSH2] sends one message per revision, a delete with key and revision only', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const start = await keyspace.revision()
    await watch.created(range(prefix))
    await keyspace.put(`${prefix}a`, '1')
    await keyspace.put('elsewhere', '1')
    await keyspace.put(`${prefix}a`, '2')
    await keyspace.delete(`${prefix}a`)
    const put = { key: `${prefix}a`, created: start + 1 }
    expect(await watch.take(3)).toEqual([
      {
        header: headerAt(start + 1),
        events: [{ kv: kv({ ...put, modified: start + 1, version: 1, value: '1' }) }],
      },
      {
        header: headerAt(start + 3),
        events: [{ kv: kv({ ...put, modified: start + 3, version: 2, value: '2' }) }],
      },
      {
        header: headerAt(start + 4),
        events: [{ type: 'DELETE', kv: kv({ key: `${prefix}a`, modified: start + 4 }) }],
      },
    ])
  })

  it('[WSH3] replays from an old revision under the current one', async () => {
    const prefix = freshPrefix()
    const first = await keyspace.put(`${prefix}a`, '1')
    await keyspace.put(`${prefix}b`, '2')
    const last = await keyspace.delete(`${prefix}a`)
    const watch = open()
    await watch.created({ ...range(prefix), start_revision: first })
    expect(await watch.next()).toEqual({
      header: headerAt(last),
      events: [
        { kv: kv({ key: `${prefix}a`, created: first, modified: first, version: 1, value: '1' }) },
        {
          kv: kv({
            key: `${prefix}b`,
            created: first + 1,
            modified: first + 1,
            version: 1,
            value: '2',
          }),
        },
        { type: 'DELETE', kv: kv({ key: `${prefix}a`, modified: last }) },
      ],
    })
  })

  it('[WSH4] replays more revisions than one batch holds, all in order', async () => {
    const prefix = freshPrefix()
    const puts = 1500
    const first = await keyspace.put(`${prefix}a`, '0')
    for (let sent = 1; sent < puts; sent += 50) {
      const size = Math.min(50, puts - sent)
      await Promise.all(Array.from({ length: size }, () => keyspace.put(`${prefix}a`, '1')))
    }
    const watch = open()
    await watch.created({ ...range(prefix), start_revision: first })
    const revisions: string[] = []
    while (revisions.length < puts) {
      const answer = await watch.next()
      expect(answer['header']).toEqual(headerAt(first + puts - 1))
      for (const event of eventsOf(answer)) {
        revisions.push(String((event['kv'] as JsonObject)['mod_revision']))
      }
    }
    expect(revisions).toEqual(Array.from({ length: puts }, (__, at) => String(first + at)))
  })

  it('[WSH5] sends all events of one revision together, in the order of the operations', async () => {
    const prefix = freshPrefix()
    await keyspace.put(`${prefix}b`, '1')
    await keyspace.put(`${prefix}c`, '1')
    const watch = open()
    await watch.created(range(prefix))
    const revision = await keyspace.txn([
      { request_put: { key: base64(`${prefix}z`) } },
      { request_delete_range: { key: base64(`${prefix}b`), range_end: base64(`${prefix}d`) } },
      { request_put: { key: base64(`${prefix}a`) } },
    ])
    expect(await watch.next()).toEqual({
      header: headerAt(revision),
      events: [
        { kv: kv({ key: `${prefix}z`, created: revision, modified: revision, version: 1 }) },
        { type: 'DELETE', kv: kv({ key: `${prefix}b`, modified: revision }) },
        { type: 'DELETE', kv: kv({ key: `${prefix}c`, modified: revision }) },
        { kv: kv({ key: `${prefix}a`, created: revision, modified: revision, version: 1 }) },
      ],
    })
  })

  it('[WSH6] leaves out what a filter names, live and in a replay', async () => {
    const prefix = freshPrefix()
    const first = await keyspace.put(`${prefix}a`, '1')
    await keyspace.delete(`${prefix}a`)
    const watch = open()
    const from = { ...range(prefix), start_revision: first }
    await watch.created({ ...from, filters: ['NOPUT'], watch_id: 1 })
    expect(await watch.next()).toMatchObject({ watch_id: '1', events: [{ type: 'DELETE' }] })
    await watch.created({ ...from, filters: [1], watch_id: 2 })
    const created = { create_revision: String(first) }
    expect(await watch.next()).toMatchObject({ watch_id: '2', events: [{ kv: created }] })
    await watch.created({ ...from, filters: ['NOPUT', 'NODELETE'], watch_id: 3 })
    await keyspace.put(`${prefix}b`, '1')
    expect(await watch.next()).toMatchObject({ watch_id: '2', events: [{}] })
    await keyspace.delete(`${prefix}b`)
    expect(await watch.next()).toMatchObject({ watch_id: '1', events: [{ type: 'DELETE' }] })
    await expectSilence(watch)
  })

  it('[WSH7] adds the previous key-value where there was one and it is not compacted', async () => {
    const prefix = freshPrefix()
    const key = `${prefix}a`
    const first = await keyspace.put(key, '1')
    await keyspace.put(key, '2')
    await keyspace.put(key, '3')
    await keyspace.delete(key)
    await keyspace.put(key, '4')
    await keyspace.compact(first + 1)
    const watch = open()
    await watch.created({ ...range(prefix), start_revision: first + 1, prev_kv: true })
    const second = kv({ key, created: first, modified: first + 1, version: 2, value: '2' })
    const third = kv({ key, created: first, modified: first + 2, version: 3, value: '3' })
    expect(eventsOf(await watch.next())).toEqual([
      { kv: second },
      { kv: third, prev_kv: second },
      { type: 'DELETE', kv: kv({ key, modified: first + 3 }), prev_kv: third },
      { kv: kv({ key, created: first + 4, modified: first + 4, version: 1, value: '4' }) },
    ])
    await keyspace.put(key, '5')
    expect(eventsOf(await watch.next())).toMatchObject([{ prev_kv: { value: base64('4') } }])
  })

  it('[WSH8] shows the lease of a put and ends all keys of a lease in one message', async () => {
    const prefix = freshPrefix()
    const granted = await keyspace.call('/v3/lease/grant', { TTL: 600 })
    const lease = String(granted['ID'])
    const watch = open()
    await watch.created(range(prefix))
    await keyspace.put(`${prefix}b`, '', { lease })
    await keyspace.put(`${prefix}a`, '', { lease })
    expect(await watch.take(2)).toMatchObject([
      { events: [{ kv: { lease } }] },
      { events: [{ kv: { lease } }] },
    ])
    await keyspace.call('/v3/lease/revoke', { ID: lease })
    const revision = await keyspace.revision()
    expect(await watch.next()).toEqual({
      header: headerAt(revision),
      events: [
        { type: 'DELETE', kv: kv({ key: `${prefix}a`, modified: revision }) },
        { type: 'DELETE', kv: kv({ key: `${prefix}b`, modified: revision }) },
      ],
    })
  })

  it('[WSH9] watches one key, from a key on, or everything', async () => {
    const prefix = freshPrefix()
    const watch = open()
    await watch.created({ key: base64(`${prefix}b`), watch_id: 1 })
    await watch.created({ key: base64(`${prefix}b`), range_end: base64('\0'), watch_id: 2 })
    await watch.created({ range_end: base64('\0'), watch_id: 3 })
    await keyspace.put(`${prefix}a`, '')
    expect(await watch.next()).toMatchObject({ watch_id: '3' })
    await keyspace.put(`${prefix}c`, '')
    expect(new Set(idsOf(await watch.take(2)))).toEqual(new Set(['2', '3']))
    await keyspace.put(`${prefix}b`, '')
    expect(new Set(idsOf(await watch.take(3)))).toEqual(new Set(['1', '2', '3']))
  })

  it('[WSH10] splits an answer of more than 2 MiB only for a watch that asks for it', async () => {
    const prefix = freshPrefix()
    const big = 'x'.repeat(1024 * 1024)
    const first = await keyspace.put(`${prefix}a`, big)
    await keyspace.put(`${prefix}a`, big)
    const last = await keyspace.put(`${prefix}a`, big)
    const watch = open()
    await watch.created({ ...range(prefix), start_revision: first, watch_id: 1 })
    const whole: JsonObject[] = []
    while (whole.length < 3) {
      const message = await watch.next()
      expect(message['fragment']).toBeUndefined()
      whole.push(...eventsOf(message))
    }
    await watch.created({ ...range(prefix), start_revision: first, fragment: true, watch_id: 2 })
    const parts = [await watch.next()]
    while (parts.at(-1)?.['fragment'] === true) {
      parts.push(await watch.next())
    }
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.flatMap(eventsOf)).toEqual(whole)
    for (const part of parts) {
      expect(part).toMatchObject({ header: headerAt(last), watch_id: '2' })
    }
  })

  it('[WSH11] answers a progress request with id -1 once all watches are in step', async () => {
    const prefix = freshPrefix()
    const watch = open()
    await watch.created(range(prefix))
    const revision = await keyspace.put('elsewhere', '1')
    watch.progress()
    expect(await watch.next()).toEqual({ header: headerAt(revision), watch_id: '-1' })
  })

  it('[WSH12] drops a progress request without a watch or with one that starts later', async () => {
    const prefix = freshPrefix()
    const watch = open()
    watch.progress()
    await watch.created(range(prefix))
    const revision = await keyspace.revision()
    await watch.created({ ...range(prefix), start_revision: revision + 1000 })
    watch.progress()
    await expectSilence(watch)
  })

  it('[WSH13] counts ids per stream, skips chosen ones and takes negative ones', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const ids: unknown[] = []
    for (const chosen of [undefined, 2, undefined, undefined, -7, 0]) {
      const id = chosen === undefined ? {} : { watch_id: chosen }
      ids.push((await watch.created({ ...range(prefix), ...id }))['watch_id'])
    }
    expect(ids).toEqual([undefined, '2', '1', '3', '-7', '4'])
  })

  it('[WSH41] keeps ids of 64 bits', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const ids = ['9007199254740992', '9007199254740993', '9223372036854775807']
    for (const id of [...ids, ...ids.map((one) => `-${one}`)]) {
      expect(await watch.created({ ...range(prefix), watch_id: id })).toMatchObject({
        watch_id: id,
      })
      await keyspace.put(`${prefix}a`, '')
      expect(await watch.next()).toMatchObject({ watch_id: id, events: [{}] })
      watch.cancel(id)
      expect(await watch.next()).toMatchObject({ watch_id: id, canceled: true })
    }
    await expectSilence(watch)
  })

  it('[WSH14] refuses an id in use and leaves its owner alone', async () => {
    const prefix = freshPrefix()
    const watch = open()
    await watch.created({ ...range(prefix), watch_id: 5 })
    const revision = await keyspace.revision()
    watch.create({ ...range(prefix), watch_id: 5 })
    expect(await watch.next()).toEqual({
      header: headerAt(revision),
      watch_id: '-1',
      created: true,
      canceled: true,
      cancel_reason: 'mvcc: duplicate watch ID provided on the WatchStream',
    })
    await keyspace.put(`${prefix}a`, '')
    expect(await watch.next()).toMatchObject({ watch_id: '5', events: [{}] })
  })

  it('[WSH15] confirms a cancel, sends nothing after it and ignores unknown ids', async () => {
    const prefix = freshPrefix()
    const watch = open()
    await watch.created({ ...range(prefix), watch_id: 1 })
    watch.cancel(99)
    watch.cancel(1)
    const revision = await keyspace.revision()
    expect(await watch.next()).toEqual({
      header: headerAt(revision),
      watch_id: '1',
      canceled: true,
    })
    await keyspace.put(`${prefix}a`, '')
    watch.cancel(1)
    await expectSilence(watch)
    expect(await watch.created({ ...range(prefix), watch_id: 1 })).toMatchObject({ watch_id: '1' })
  })

  it('[WSH16] cancels a watch that starts below the compacted revision, at revision 0', async () => {
    const prefix = freshPrefix()
    const first = await keyspace.put(`${prefix}a`, '1')
    const second = await keyspace.delete(`${prefix}a`)
    await keyspace.put(`${prefix}b`, '1')
    await keyspace.compact(second)
    const watch = open()
    await watch.created({ ...range(prefix), start_revision: first })
    expect(await watch.next()).toEqual({
      header: headerAt(undefined),
      canceled: true,
      compact_revision: String(second),
    })
    await watch.created({ ...range(prefix), start_revision: second, watch_id: 9 })
    expect(await watch.next()).toMatchObject({
      watch_id: '9',
      events: [{ type: 'DELETE', kv: kv({ key: `${prefix}a`, modified: second }) }, {}],
    })
  })

  it('[WSH17] refuses an empty range and a negative start, and the stream goes on', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const revision = await keyspace.revision()
    const refused = { header: headerAt(revision), watch_id: '-1', created: true, canceled: true }
    watch.create({ key: base64('b'), range_end: base64('a') })
    const empty = 'mvcc: watcher range is empty'
    expect(await watch.next()).toEqual({ ...refused, cancel_reason: empty })
    watch.create({ key: base64('b'), range_end: base64('b') })
    expect(await watch.next()).toEqual({ ...refused, cancel_reason: empty })
    watch.create({ ...range(prefix), start_revision: -1 })
    const compacted = 'etcdserver: mvcc: required revision has been compacted'
    expect(await watch.next()).toEqual({ ...refused, cancel_reason: compacted })
    await expectSilence(watch)
  })

  it('[WSH18] waits for a start in the future and skips what comes before', async () => {
    const prefix = freshPrefix()
    const watch = open()
    const revision = await keyspace.revision()
    const created = await watch.created({ ...range(prefix), start_revision: revision + 3 })
    expect(created).toEqual({ header: headerAt(revision), created: true })
    for (const value of ['1', '2', '3']) {
      await keyspace.put(`${prefix}a`, value)
    }
    expect(await watch.next()).toMatchObject({
      header: headerAt(revision + 3),
      events: [{ kv: { value: base64('3') } }],
    })
  })

  it('[WSH19] ignores a request of no kind', async () => {
    const watch = open()
    watch.stream.send('{}')
    watch.stream.send('{"nope":{}}')
    watch.stream.send('{"create_request":null}')
    await expectSilence(watch)
  })

  it('[WSH20] resumes after a cut at the next revision, nothing lost, nothing twice', async () => {
    const prefix = freshPrefix()
    const first = open()
    await first.created(range(prefix))
    const start = await keyspace.put(`${prefix}a`, '1')
    await first.next()
    first.stream.close()
    await keyspace.put(`${prefix}a`, '2')
    const second = open()
    await second.created({ ...range(prefix), start_revision: start + 1 })
    await keyspace.put(`${prefix}a`, '3')
    const events = eventsOf(await second.next())
    const rest = events.length === 2 ? [] : eventsOf(await second.next())
    expect([...events, ...rest]).toMatchObject([{ kv: { version: '2' } }, { kv: { version: '3' } }])
  })
})
