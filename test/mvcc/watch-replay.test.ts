import { describe, expect, it } from 'vitest'
import { REPLAY_LIMITS } from '../../src/mvcc/watch-replay.ts'
import { MemoryLog } from './memory-log.ts'
import { StoreLog } from './store-log.ts'
import { told, WatchedLog, watchOf } from './watched-log.ts'

function revisions(sink: {
  readonly responses: readonly { readonly events: readonly unknown[] }[]
}) {
  return sink.responses.map(({ events }) => events.length)
}

describe('the size of a step', () => {
  it('[WAT17] is 1,000 revisions a response, each with the current revision in its header', () => {
    const watched = new WatchedLog(new MemoryLog())
    for (let i = 0; i < 1500; i++) {
      watched.put('a')
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    watched.catchUp()
    expect(revisions(sink)).toEqual([1000, 500])
    expect(sink.take().map(({ revision }) => revision)).toEqual([1501, 1501])
  })

  it('[WAT24] is bounded by the bytes read, but takes a revision whole', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, bytesMax: 100 })
    const value = 'v'.repeat(60)
    const keys = ['a', 'b', 'c', 'd', 'e']
    for (const key of keys) {
      watched.put(key, value)
    }
    watched.commit(...keys.map((key) => ({ key, value })))
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z', startRevision: 2 }))
    sink.take()
    watched.catchUp()
    expect(told(sink.take())).toEqual([
      '0@8: put a, put b',
      '0@8: put c, put d',
      '0@8: put e, put a, put b, put c, put d, put e',
      '0@8: put a',
    ])
  })

  it('[WAT24] counts the versions before where they are wanted', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, responseBytesMax: 350 })
    const keys = ['a', 'b', 'c', 'd']
    for (const key of keys) {
      watched.put(key, 'v'.repeat(60))
    }
    for (const key of keys) {
      watched.put(key)
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z', startRevision: 6 }))
    sink.take()
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@9: put a, put b, put c, put d'])
    stream.create(watchOf('a', { end: 'z', startRevision: 6, prevKv: true }))
    sink.take()
    watched.catchUp()
    expect(revisions(sink)).toEqual([2, 2])
  })

  it('[WAT33] gathers no more than a response may have, but a revision that has more by itself', () => {
    const watched = new WatchedLog(new MemoryLog())
    for (const kilobytes of [300, 200, 200, 5000, 10, 10]) {
      watched.put('a', 'v'.repeat(kilobytes * 1024))
      watched.put('b', 'v'.repeat(400 * 1024))
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    watched.catchUp()
    const kilobytes = sink.take().map(({ events }) => events.map(({ kv }) => kv.value.length >> 10))
    expect(kilobytes).toEqual([[300, 200], [200], [5000], [10, 10]])
  })

  it('[WAT34] is larger for who asked for fragments, all marked but the last', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, fragmentedBytesMax: 5000 })
    for (let i = 0; i < 10; i++) {
      watched.put('a', 'v'.repeat(800))
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2, fragment: true }))
    sink.take()
    watched.catchUp()
    const marks = sink.take().map(({ fragment }) => fragment)
    expect(marks).toEqual([true, true, true, true, false, true, true, true, true, false])
  })

  it('[WAT24] is bounded by the revisions searched', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, scannedRevisionsMax: 10 })
    for (let i = 0; i < 25; i++) {
      watched.put('other')
    }
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    watched.hub.catchUp()
    watched.hub.catchUp()
    expect(sink.take()).toEqual([])
    expect(stream.state()).toMatchObject([{ synced: false, next: 22 }])
    watched.hub.catchUp()
    expect(told(sink.take())).toEqual(['0@27: put a'])
    expect(watched.log.reads.map(({ from }) => from)).toEqual([2, 12, 22])
    expect(watched.hub.pending()).toBe(false)
  })

  it('[WAT24] is bounded by the changes searched, where revisions have many', () => {
    const watched = new WatchedLog(new StoreLog(), { ...REPLAY_LIMITS, scannedChangesMax: 10 })
    const others = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => ({ key, value: 'v' }))
    for (let i = 0; i < 4; i++) {
      watched.commit(...others)
    }
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    watched.hub.catchUp()
    expect(stream.state()).toMatchObject([{ synced: false, next: 3 }])
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@6: put a'])
  })

  it('[WAT24] is bounded by the events sent to all watchers together', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, matchesMax: 6 })
    for (let i = 0; i < 5; i++) {
      watched.put('a')
    }
    const { sink, stream } = watched.open()
    for (let i = 0; i < 3; i++) {
      stream.create(watchOf('a', { startRevision: 2 }))
    }
    sink.take()
    watched.hub.catchUp()
    expect(revisions(sink)).toEqual([2, 2, 2])
  })

  it('[WAT24] is bounded by the number of watchers', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, watchersMax: 2 })
    watched.put('a')
    watched.put('a')
    watched.log.compact(3)
    const { sink, stream } = watched.open()
    for (const startRevision of [3, 2, 3, 3]) {
      stream.create(watchOf('a', { startRevision }))
    }
    sink.take()
    watched.hub.catchUp()
    expect(told(sink.take())).toEqual(['1@0: canceled, compacted 3', '0@3: put a'])
    watched.hub.catchUp()
    expect(told(sink.take())).toEqual(['2@3: put a', '3@3: put a'])
    expect(watched.hub.pending()).toBe(false)
  })
})

describe('sharing', () => {
  it('[WAT25] watchers of near revisions share a read of the log, its range no wider than theirs', () => {
    const watched = new WatchedLog(new MemoryLog())
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      watched.put(key)
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('b', { startRevision: 2 }))
    stream.create(watchOf('c', { startRevision: 4 }))
    stream.create(watchOf('b', { end: 'd', startRevision: 3 }))
    stream.create(watchOf('c', { startRevision: 5 }))
    sink.take()
    watched.hub.catchUp()
    expect(told(sink.take())).toEqual(['0@6: put b', '1@6: put c', '2@6: put b, put c'])
    expect(watched.log.reads).toEqual([{ from: 2, events: 2 }])
    expect(watched.hub.unsyncedCount).toBe(0)
  })

  it('[WAT25] watchers further on do not widen a read that will not come to them', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, revisionsMax: 2 })
    for (const key of ['a', 'b', 'a', 'b', 'a', 'b']) {
      watched.put(key)
    }
    const { stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    stream.create(watchOf('b', { startRevision: 5 }))
    watched.hub.catchUp()
    expect(watched.log.reads).toEqual([{ from: 2, events: 3 }])
    expect(stream.state()).toMatchObject([{ next: 6 }, { next: 5 }])
  })

  it('[WAT25] an open range is read to the end', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.put('z')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    stream.create(watchOf('b', { end: '\0', startRevision: 2 }))
    sink.take()
    watched.hub.catchUp()
    expect(told(sink.take())).toEqual(['0@3: put a', '1@3: put z'])
  })

  it('[WAT25] a short way is not kept waiting by a long one', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, revisionsMax: 2 })
    for (let i = 0; i < 100; i++) {
      watched.put('a')
    }
    const long = watched.open()
    long.stream.create(watchOf('a', { startRevision: 2 }))
    const short = watched.open()
    short.stream.create(watchOf('a', { startRevision: 100 }))
    long.stream.create(watchOf('a', { startRevision: 101 }))
    long.sink.take()
    short.sink.take()
    watched.hub.catchUp()
    watched.hub.catchUp()
    expect(told(short.sink.take())).toEqual(['0@101: put a, put a'])
    expect(told(long.sink.take())).toEqual(['0@101: put a, put a', '1@101: put a'])
  })

  it('[WAT21] watchers that catch up together are sent the same arrays', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    stream.create(watchOf('a', { end: 'b', startRevision: 2 }))
    stream.create(watchOf('a', { startRevision: 3 }))
    sink.take()
    watched.catchUp()
    const [first, second, third] = sink.take().map(({ events }) => events)
    expect(second).toBe(first)
    expect(third).toHaveLength(1)
  })
})

describe('a reader that is behind', () => {
  it('[WAT22] is sent from the log what it could not take, once it is ready', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open(2)
    stream.create(watchOf('a'))
    watched.put('a')
    watched.put('a')
    watched.put('a')
    expect(watched.hub.pending()).toBe(false)
    expect(told(sink.take())).toEqual(['0@1: created', '0@2: put a'])
    sink.room = 1
    watched.hub.drained(stream)
    expect(watched.hub.pending()).toBe(true)
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@4: put a, put a'])
    sink.room = 1
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@5: put a'])
  })

  it('[WAT22] is answered all the same', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open(0)
    stream.create(watchOf('a'))
    stream.create(watchOf('b', { end: 'a' }))
    stream.cancel(0)
    expect(told(sink.take())).toEqual([
      '0@1: created',
      '-1@1: created, canceled, mvcc: watcher range is empty',
      '0@1: canceled',
    ])
  })

  it('[WAT22] is not behind for events that it does not want', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { stream } = watched.open(0)
    stream.create(watchOf('a', { filters: [0] }))
    watched.put('a')
    watched.put('b')
    expect(watched.hub.unsyncedCount).toBe(0)
  })

  it('[WAT22] that takes one response at a time gets each watch its turn', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    for (let i = 0; i < 3; i++) {
      stream.create(watchOf('a', { startRevision: 2 }))
    }
    sink.take()
    for (const expected of ['0@2: put a', '1@2: put a', '2@2: put a']) {
      sink.room = 1
      watched.hub.drained(stream)
      watched.catchUp()
      expect(told(sink.take())).toEqual([expected])
    }
    expect(watched.hub.unsyncedCount).toBe(0)
  })

  it('[WAT22] is told of one compaction at a time, too', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.log.compact(2)
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 1 }))
    stream.create(watchOf('a', { startRevision: 1 }))
    sink.take()
    for (const expected of ['0@0: canceled, compacted 2', '1@0: canceled, compacted 2']) {
      sink.room = 1
      watched.catchUp()
      expect(told(sink.take())).toEqual([expected])
      watched.hub.drained(stream)
    }
    expect(watched.hub.unsyncedCount).toBe(0)
  })

  it('[WAT22] does not have the log read for it', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const other = watched.open()
    other.stream.create(watchOf('a', { startRevision: 2 }))
    const stuck = watched.open(0)
    stuck.stream.create(watchOf('a', { end: 'z' }))
    watched.put('b')
    watched.catchUp()
    expect(watched.log.reads).toEqual([{ from: 2, events: 1 }])
    expect(watched.hub.unsyncedCount).toBe(1)
  })

  it('[WAT22] does not hold up others', () => {
    const watched = new WatchedLog(new MemoryLog())
    const stuck = watched.open(0)
    const other = watched.open()
    stuck.stream.create(watchOf('a'))
    other.stream.create(watchOf('a'))
    watched.put('a')
    expect(told(other.sink.take())).toEqual(['0@1: created', '0@2: put a'])
    other.stream.create(watchOf('a', { startRevision: 2 }))
    watched.catchUp()
    expect(told(other.sink.take())).toEqual(['1@2: created', '1@2: put a'])
    expect(watched.hub.unsyncedCount).toBe(1)
  })
})

describe('a revision of many events', () => {
  it('[WAT23] is left in the log, from where each watch is sent it whole', () => {
    const watched = new WatchedLog(new MemoryLog(), { ...REPLAY_LIMITS, bytesMax: 1 })
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z' }))
    stream.create(watchOf('b'))
    stream.create(watchOf('x'))
    stream.create(watchOf('a', { startRevision: 3 }))
    sink.take()
    watched.commitMany({ key: 'a', value: '' }, { key: 'b', value: '' }, { key: 'c', value: '' })
    expect(sink.take()).toEqual([])
    expect(watched.hub.unsyncedCount).toBe(3)
    stream.progress()
    expect(sink.take()).toEqual([])
    watched.put('a')
    expect(told(sink.take())).toEqual(['3@3: put a'])
    watched.catchUp()
    const whole = ['0@3: put a, put b, put c', '1@3: put b']
    expect(told(sink.take()).toSorted()).toEqual(['0@3: put a', ...whole])
    expect(watched.hub.unsyncedCount).toBe(0)
  })
})
