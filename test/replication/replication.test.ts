import { beforeEach, describe, expect, it } from 'vitest'
import type { Keyspace } from '../../src/shard/keyspace.ts'
import { FaultyStore, NO_FAULTS } from './faulty-store.ts'
import { readArchive } from './read-archive.ts'
import { ReplicatedShard } from './replicated-shard.ts'
import { randomOf, VirtualClock } from './virtual-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MIB = 1024 * 1024

let clock: VirtualClock
let objects: FaultyStore
let shard: ReplicatedShard

beforeEach(() => {
  clock = new VirtualClock()
  objects = new FaultyStore(clock, randomOf(1))
  shard = new ReplicatedShard(clock, objects)
  shard.replication.schedule()
})

const utf8 = new TextEncoder()
const plain = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false }

function put(key = 'key', length = 100): void {
  shard.turn(({ store }) => {
    store.put({ ...plain, key: utf8.encode(key), value: new Uint8Array(length) })
  })
}

/** In one revision. */
function putAll(count: number, length: number): void {
  shard.turn(({ store }) => {
    const success = Array.from({ length: count }, (_, place) => ({
      requestPut: { ...plain, key: utf8.encode(`${place}`), value: new Uint8Array(length) },
    }))
    store.txn({ compare: [], success, failure: [] })
  })
}

function keysOf(part: string): readonly string[] {
  return [...objects.objects.keys()].filter((key) => key.includes(part)).toSorted()
}

function status() {
  return shard.replication.status()
}

/** The fields of the state that the next segment has. */
async function changed(write: (keyspace: Keyspace) => void): Promise<readonly string[]> {
  const before = readArchive(objects.objects)?.segments ?? 0
  shard.turn(write)
  await clock.pass(MINUTE)
  const read = readArchive(objects.objects)
  expect(read?.segments).toBe(before + 1)
  return read?.last ?? []
}

describe('what it costs', () => {
  it('[REP6] a keyspace that nobody has written to asks for nothing and sets no alarm', async () => {
    await clock.pass(DAY)
    shard.restart()
    await clock.pass(DAY)
    expect(objects.asked).toEqual({ classA: 0, classB: 0, deleted: 0, putBytes: 0 })
    expect(shard.wakes).toBe(0)
    expect(status()).toMatchObject({ state: 'current', epoch: 0, lagSeconds: 0, lagRevisions: 0 })
  })

  it('[REP6] one that is not written to any more is still, also when it comes into memory again', async () => {
    put()
    await clock.pass(5 * MINUTE)
    const { asked } = objects
    const before = { ...asked, wakes: shard.wakes }
    await clock.pass(3 * DAY)
    shard.restart()
    shard.turn(() => undefined)
    await clock.pass(3 * DAY)
    expect({ ...asked, wakes: shard.wakes }).toEqual(before)
  })

  it.each([
    [1000, 20],
    [50, 3],
  ])('[REP6] a write each %d ms is at most 7 puts and lists a minute', async (every, minutes) => {
    put()
    await clock.pass(5 * MINUTE)
    const before = objects.asked.classA
    for (let ms = 0; ms < minutes * MINUTE; ms += every) {
      put()
      await clock.pass(every)
    }
    const asked = objects.asked.classA - before
    expect(asked).toBeLessThanOrEqual(7 * minutes)
    expect(asked).toBeGreaterThanOrEqual(6 * minutes)
  })
})

describe('what is sent', () => {
  it('[REP8] state leaves when it changes, and only what does', async () => {
    put()
    await clock.pass(MINUTE)
    expect(await changed((keyspace) => keyspace.auth.roleAdd('one'))).toEqual(['auth'])
    expect(await changed(({ alarms }) => alarms.activate({ memberID: 1n, alarm: 2 }))).toEqual([
      'maintenance',
    ])
    expect(await changed(({ downgrade }) => downgrade.enable('3.6'))).toEqual(['maintenance'])
    expect(await changed(({ members }) => members.add(['http://a:1'], true))).toEqual(['members'])
    expect(
      await changed(({ accessTokens }) =>
        accessTokens.create(
          { access: 'read-only', commonNames: false, description: '', expires: undefined },
          clock.now(),
          (length) => crypto.getRandomValues(new Uint8Array(length)),
        ),
      ),
    ).toEqual(['tokens'])
    expect(await changed(({ lessor }) => lessor.grant({ ID: 7n, TTL: 60 }, clock.now()))).toEqual([
      'leases',
    ])
    expect(await changed(({ store }) => store.compact(2))).toEqual([])
    expect(await changed(() => put())).toEqual([])
  })

  it('[REP7] the leases of each revision are those that lived then', async () => {
    const random = randomOf(5)
    const lived = new Map<number, string>()
    for (let step = 0; step < 300; step++) {
      shard.turn(({ lessor, store }) => {
        const see = (): void => {
          lived.set(store.revision, lessor.leases().map(String).toSorted().join(' '))
        }
        const [id = 0n] = lessor.leases()
        const kind = random()
        if (kind < 0.3) {
          const ID = BigInt(1 + Math.floor(random() * 1e9))
          lessor.grant({ ID, TTL: 60 }, clock.now())
          see()
          store.put({ ...plain, key: utf8.encode('leased'), value: utf8.encode('x'), lease: ID })
        } else if (kind < 0.5 && id !== 0n) {
          lessor.revoke(id)
        } else {
          store.put({ ...plain, key: utf8.encode('key'), value: utf8.encode('x') })
        }
        see()
      })
      await clock.pass(random() * 1000)
    }
    await clock.pass(MINUTE)
    const read = readArchive(objects.objects)
    const revisions = [...lived.keys()].filter((revision) => revision > (read?.from ?? Infinity))
    expect(revisions.length).toBeGreaterThan(150)
    for (const revision of revisions) {
      const leases = new Set<string>()
      for (const [at, id, ttl] of read?.journal ?? []) {
        if (at <= revision && ttl !== null) {
          leases.add(id)
        } else if (at <= revision) {
          leases.delete(id)
        }
      }
      expect([...leases].toSorted().join(' '), `${revision}`).toBe(lived.get(revision))
    }
  })

  it('[REP10] nothing leaves before it is durable', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    put()
    await clock.pass(MINUTE)
    const before = keysOf('/log/')
    shard.durable = promise
    put()
    await clock.pass(10 * MINUTE)
    expect(keysOf('/log/')).toEqual(before)
    resolve()
    await clock.pass(SECOND)
    expect(keysOf('/log/')).toHaveLength(before.length + 1)
  })

  it('[REP11] segments have 8 MiB and the rest of a revision, whether they are read from the log or not', async () => {
    put()
    await clock.pass(MINUTE)
    for (const restarts of [true, false]) {
      const before = keysOf('/log/')
      for (let count = 0; count < 30; count++) {
        put(`${count}`, MIB)
        if (restarts && count === 29) {
          shard.restart()
        }
        await clock.pass(1)
      }
      await clock.pass(MINUTE)
      const segments = keysOf('/log/').filter((key) => !before.includes(key))
      expect(segments.length).toBeGreaterThanOrEqual(3)
      const sizes = segments.map((key) => objects.objects.get(key)?.length ?? 0)
      expect(Math.max(...sizes)).toBeLessThan(13 * MIB)
      await clock.pass(MINUTE)
      expect(readArchive(objects.objects)).toMatchObject({
        epoch: 1,
        to: shard.keyspace.store.revision,
      })
    }
  })

  it.each([0, 30])(
    '[REP72] those of a busy keyspace are what was written, where %i of a hundred puts stall',
    async (stalls) => {
      put()
      await clock.pass(MINUTE)
      objects.faults = { ...NO_FAULTS, stalls }
      for (let count = 0; count < 400; count++) {
        put(`${count}`, MIB / 4 - count)
        await clock.pass(stalls === 0 ? 1 : 200)
      }
      objects.faults = NO_FAULTS
      await clock.pass(5 * MINUTE)
      const read = readArchive(objects.objects, 0)
      expect(read).toMatchObject({ epoch: 1, to: shard.keyspace.store.revision })
      const { from = 0, changes } = read ?? {}
      for (const [revision, change] of shard.history) {
        expect(revision <= from ? change : changes?.get(revision)).toBe(change)
      }
    },
  )

  it('[REP11] a revision that is too long for a segment is in the full of a new epoch', async () => {
    put()
    await clock.pass(MINUTE)
    putAll(40, MIB)
    put()
    await clock.pass(5 * MINUTE)
    const read = readArchive(objects.objects)
    expect(read).toMatchObject({ epoch: 2, from: 4, to: 4 })
    expect(read?.changes.get(3)).toBe(shard.history.get(3))
    expect(status()).toMatchObject({ state: 'current', epoch: 2, lagRevisions: 0 })
  })
})

describe('a store that is away', () => {
  it('[REP12] the log has a line at the beginning and one at the end, and it is tried less and less', async () => {
    put()
    await clock.pass(5 * MINUTE)
    objects.isAway = true
    const before = objects.asked.classA
    for (let minute = 0; minute < 60; minute++) {
      put()
      await clock.pass(MINUTE)
    }
    expect(shard.log).toEqual([
      expect.stringMatching(/^keyspace blue: snapshots are not sent: put .*: as the test has it$/),
    ])
    expect(objects.asked.classA - before).toBeLessThan(70)
    const { state, reason, lagSeconds, lagRevisions } = status()
    expect(state).toBe('failing')
    expect(reason).toMatch(/as the test has it/)
    expect(lagSeconds).toBeCloseTo(3600, -2)
    expect(lagRevisions).toBe(60)
    objects.isAway = false
    await clock.pass(2 * MINUTE)
    expect(shard.log).toHaveLength(2)
    expect(shard.log[1]).toMatch(
      /^keyspace blue: snapshots are sent again, after \d+ s and \d+ fail/,
    )
    expect(status()).toMatchObject({ state: 'current', reason: null, lagRevisions: 0 })
  })

  it('[REP9] compaction leaves what was not sent for ten minutes, and then a new epoch begins', async () => {
    put()
    await clock.pass(5 * MINUTE)
    objects.isAway = true
    put()
    put()
    const { store } = shard.keyspace
    shard.turn(() => store.compact(store.revision))
    const rows = (): number => [...store.changes(store.revision)].length
    expect(rows()).toBe(3)
    await clock.pass(9 * MINUTE)
    shard.turn(() => undefined)
    expect(rows()).toBe(3)
    await clock.pass(2 * MINUTE)
    shard.turn(() => undefined)
    expect(rows()).toBe(1)
    objects.isAway = false
    put()
    await clock.pass(5 * MINUTE)
    expect(readArchive(objects.objects)).toMatchObject({ epoch: 2, from: 5, to: 5 })
    expect(keysOf('/claim')).toHaveLength(2)
  })

  it('[REP9] compaction goes on as soon as what it waits for was sent', async () => {
    put()
    await clock.pass(5 * MINUTE)
    put()
    put()
    const { store } = shard.keyspace
    shard.turn(() => store.compact(store.revision))
    expect(store.compactionPending).toBe(true)
    await clock.pass(15 * SECOND)
    shard.turn(() => undefined)
    expect(store.compactionPending).toBe(false)
    expect(readArchive(objects.objects)).toMatchObject({ epoch: 1, to: store.revision })
  })
})

describe('what the store has lost', () => {
  it('[REP15] a segment that is gone before a manifest names it is sent again', async () => {
    put()
    await clock.pass(5 * MINUTE)
    put()
    shard.turn(({ lessor }) => void lessor.grant({ ID: 5n, TTL: 60 }, clock.now()))
    await clock.pass(15 * SECOND)
    const [segment = ''] = keysOf('/log/')
    put()
    await clock.pass(15 * SECOND)
    objects.objects.delete(segment)
    expect(readArchive(objects.objects)?.to).toBe(2)
    await clock.pass(5 * MINUTE)
    const read = readArchive(objects.objects)
    expect(read).toMatchObject({ epoch: 1, to: 4 })
    expect([...(read?.leases.keys() ?? [])]).toEqual(['5'])
    expect(status()).toMatchObject({ state: 'current', lagRevisions: 0 })
  })

  it('[REP15] where the log has it no more, a new epoch begins', async () => {
    put()
    await clock.pass(5 * MINUTE)
    put()
    put()
    await clock.pass(15 * SECOND)
    const { store } = shard.keyspace
    shard.turn(() => store.compact(store.revision))
    keysOf('/log/').forEach((key) => objects.objects.delete(key))
    await clock.pass(5 * MINUTE)
    expect(readArchive(objects.objects)).toMatchObject({ epoch: 2, to: 4 })
  })

  it('[REP15] a full of which a part is gone before a manifest names it is made again', async () => {
    put()
    await clock.pass(9500)
    while (keysOf('/end').length === 0) {
      await clock.pass(1)
    }
    objects.objects.delete(keysOf('/0000')[0] ?? '')
    await clock.pass(5 * MINUTE)
    expect(readArchive(objects.objects)).toMatchObject({ to: 2 })
    expect(status()).toMatchObject({ state: 'current', lagRevisions: 0, lagSeconds: 0 })
  })
})

it('[REP18] after each full goes what is of no more use', async () => {
  for (let hour = 0; hour < 10 * 24; hour++) {
    put()
    await clock.pass(HOUR)
  }
  expect(objects.asked.deleted).toBeGreaterThan(100)
  const read = readArchive(objects.objects)
  expect(read?.to).toBe(shard.keyspace.store.revision)
  expect(read?.manifest.fulls.length).toBeGreaterThan(6)
  const oldest = read?.manifest.fulls.at(-2)
  expect(readArchive(objects.objects, -2)?.from).toBe(oldest?.revision)
  const days = keysOf('/log/').length / 24
  expect(days).toBeGreaterThan(1)
  expect(days).toBeLessThan(3)
})
