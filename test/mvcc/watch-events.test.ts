import { describe, expect, it } from 'vitest'
import { EventType, FilterType } from '../../src/mvcc/types.ts'
import { NO_VALUES } from '../../src/mvcc/watcher.ts'
import { MemoryLog, text } from './memory-log.ts'
import { FRAGMENT_BYTES_MAX, told, WatchedLog, watchOf } from './watched-log.ts'

describe('events', () => {
  it('[WAT16] of one revision come to each watch in one response, in their order', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'c' }))
    stream.create(watchOf('b', { end: 'd' }))
    stream.create(watchOf('x'))
    sink.take()
    watched.commit({ key: 'c', value: '' }, { key: 'b', value: '' }, { key: 'a', value: '' })
    expect(told(sink.take())).toEqual(['1@2: put c, put b', '0@2: put b, put a'])
  })

  it('[WAT16] of a key put and deleted at once come both', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { prevKv: true }))
    sink.take()
    watched.commit({ key: 'a', value: '' }, { key: 'a' })
    expect(told(sink.responses)).toEqual(['0@2: put a, delete a'])
    expect(sink.take()[0]?.events.map(({ prevKv }) => prevKv)).toEqual([undefined, undefined])
  })

  it('[WAT18] that a filter names do not come, and a response without events neither', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    const { NOPUT, NODELETE } = FilterType
    stream.create(watchOf('a', { end: 'c', filters: [NOPUT] }))
    stream.create(watchOf('a', { end: 'c', filters: [NODELETE] }))
    stream.create(watchOf('a', { end: 'c', filters: [NOPUT, NODELETE] }))
    stream.create(watchOf('a', { end: 'c', filters: [7] }))
    sink.take()
    watched.put('a')
    watched.commit({ key: 'a' }, { key: 'b', value: '' })
    const sent = told(sink.take())
    expect(sent.filter((line) => line.startsWith('0'))).toEqual(['0@3: delete a'])
    expect(sent.filter((line) => line.startsWith('1'))).toEqual(['1@2: put a', '1@3: put b'])
    expect(sent.filter((line) => line.startsWith('2'))).toEqual([])
    expect(sent.filter((line) => line.startsWith('3'))).toHaveLength(2)
  })

  it('[WAT18] are filtered in a replay too', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.commit({ key: 'a' })
    const { sink, stream } = watched.open()
    const { NOPUT, NODELETE } = FilterType
    stream.create(watchOf('a', { startRevision: 2, filters: [NOPUT] }))
    stream.create(watchOf('a', { startRevision: 2, filters: [NOPUT, NODELETE] }))
    sink.take()
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@3: delete a'])
    expect(watched.hub.unsyncedCount).toBe(0)
  })

  it('[WAT36] come without values for those who want none, live, from the log and after memory was lost', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a', 'one')
    const { sink, stream } = watched.open()
    const { NODELETE } = FilterType
    const bare = { filters: [NODELETE, NO_VALUES], prevKv: true, startRevision: 2, watchId: 1 }
    stream.create(watchOf('a', bare))
    stream.create(watchOf('a', { ...bare, prevKv: false, watchId: 2 }))
    stream.create(watchOf('a', { prevKv: true, startRevision: 2, watchId: 3 }))
    watched.catchUp()
    watched.put('a', 'two')
    const state = structuredClone(stream.state())
    watched.evict()
    const again = watched.open()
    again.stream.restore(state, stream.nextWatchId)
    watched.put('a', 'three')
    watched.commit({ key: 'a' })
    const values = (id: number): string[] =>
      [...sink.responses, ...again.sink.responses]
        .filter(({ watchId }) => watchId === id)
        .flatMap(({ events }) =>
          events.map(({ kv, prevKv }) => `${text(kv.value)}<${prevKv ? text(prevKv.value) : '-'}`),
        )
    expect(values(1)).toEqual(['<-', '<', '<'])
    expect(values(2)).toEqual(['<-', '<-', '<-'])
    expect(values(3)).toEqual(['one<-', 'two<one', 'three<two', '<three'])
  })

  it('[WAT19] carry the previous version for those who want it, looked up once', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a', 'old')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { prevKv: true }))
    stream.create(watchOf('a', { end: 'b', prevKv: true }))
    stream.create(watchOf('a'))
    sink.take()
    watched.put('a', 'new')
    watched.commit({ key: 'a' })
    watched.put('a', 'again')
    const previous = (id: number): unknown =>
      sink.responses
        .filter(({ watchId }) => watchId === id)
        .flatMap(({ events }) => events.map(({ prevKv }) => prevKv && text(prevKv.value)))
    expect(previous(0)).toEqual(['old', 'new', undefined])
    expect(previous(1)).toEqual(['old', 'new', undefined])
    expect(previous(2)).toEqual([undefined, undefined, undefined])
    expect(watched.log.lookedUp).toHaveLength(3)
  })

  it('[WAT19] have their previous version looked up once for watches that see more, or less', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'c', prevKv: true }))
    stream.create(watchOf('b', { end: 'd', prevKv: true }))
    const changes = ['a', 'b', 'c'].map((key) => ({ key, value: '' }))
    watched.commit(...changes)
    sink.take()
    watched.log.lookedUp.splice(0)
    watched.commit(...changes)
    expect(
      sink.take().flatMap(({ events }) => events.map(({ prevKv }) => prevKv?.version)),
    ).toEqual([1, 1, 1, 1])
    expect(watched.log.lookedUp).toHaveLength(3)
  })

  it('[WAT19] are not looked up for when nobody wants the previous version', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('b', { prevKv: true }))
    watched.put('a')
    watched.put('a')
    expect(watched.log.lookedUp).toEqual([])
  })

  it('[WAT19] come without a previous version that is compacted', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a', 'old')
    watched.put('a', 'new')
    watched.put('a', 'newest')
    watched.log.compact(3)
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { prevKv: true, startRevision: 3 }))
    sink.take()
    watched.catchUp()
    const events = sink.take().flatMap((response) => response.events)
    expect(events.map(({ prevKv }) => prevKv && text(prevKv.value))).toEqual([undefined, 'new'])
  })

  it('[WAT20] of a large revision come in fragments to those who asked', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z', fragment: true }))
    stream.create(watchOf('a', { end: 'z' }))
    stream.create(watchOf('a', { fragment: true }))
    sink.take()
    const value = 'v'.repeat(FRAGMENT_BYTES_MAX * 0.35)
    watched.commit(...['a', 'b', 'c', 'd', 'e'].map((key) => ({ key, value })))
    const sent = sink.take()
    const sentTo = (id: number) => told(sent.filter(({ watchId }) => watchId === id))
    expect(sentTo(0)).toEqual([
      '0@2: fragment, put a, put b',
      '0@2: fragment, put c, put d',
      '0@2: put e',
    ])
    expect(sentTo(1)).toEqual(['1@2: put a, put b, put c, put d, put e'])
    expect(sentTo(2)).toEqual(['2@2: put a'])
  })

  it('[WAT20] too large for a fragment come alone', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z', fragment: true }))
    sink.take()
    const value = 'v'.repeat(FRAGMENT_BYTES_MAX * 2)
    watched.commit({ key: 'a', value: '' }, { key: 'b', value }, { key: 'c', value: '' })
    expect(told(sink.take())).toEqual([
      '0@2: fragment, put a',
      '0@2: fragment, put b',
      '0@2: put c',
    ])
  })

  it('[WAT20] are measured with their previous versions', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    const value = 'v'.repeat(FRAGMENT_BYTES_MAX * 0.3)
    watched.commit({ key: 'a', value }, { key: 'b', value })
    stream.create(watchOf('a', { end: 'z', fragment: true, prevKv: true }))
    sink.take()
    watched.commit({ key: 'a', value }, { key: 'b', value })
    expect(told(sink.take())).toEqual(['0@3: fragment, put a', '0@3: put b'])
  })

  it('[WAT21] are one array for all watches that are sent the same', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    const wide = watchOf('a', { end: 'z' })
    stream.create(wide)
    stream.create(watchOf('a', { end: 'y', fragment: true }))
    stream.create({ ...wide, prevKv: true })
    stream.create({ ...wide, prevKv: true })
    stream.create(watchOf('b', { end: 'z' }))
    sink.take()
    watched.commit({ key: 'a', value: '' }, { key: 'b', value: '' })
    const byWatch = new Map(sink.take().map(({ watchId, events }) => [watchId, events]))
    expect(byWatch.get(1)).toBe(byWatch.get(0))
    expect(byWatch.get(3)).toBe(byWatch.get(2))
    expect(byWatch.get(4)).toHaveLength(1)
    expect(byWatch.get(4)?.[0]).toBe(byWatch.get(0)?.[1])
  })

  it('[WAT21] are one array of fragments for all who are sent the same in fragments', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { end: 'z', fragment: true }))
    stream.create(watchOf('a', { end: 'z', fragment: true }))
    sink.take()
    const value = 'v'.repeat(FRAGMENT_BYTES_MAX)
    watched.commit({ key: 'a', value }, { key: 'b', value })
    const [a, b, c, d] = sink.take().map(({ events }) => events)
    expect([c, d]).toEqual([a, b])
    expect(c).toBe(a)
    expect(d).toBe(b)
  })

  it('[WAT29] of a revision that was passed over are an error, not a gap', () => {
    const watched = new WatchedLog(new MemoryLog())
    const events = watched.log.commit([{ key: 'a', value: '' }])
    watched.log.commit([{ key: 'a', value: '' }])
    expect(() => watched.hub.notify(3, events)).toThrow('watchers heard of 1, then of 3')
    watched.hub.notify(2, events)
    expect(() => watched.hub.notify(2, events)).toThrow('watchers heard of 2, then of 2')
  })

  it('[WAT16] names the events as the log does', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    sink.take()
    watched.put('a', 'x')
    watched.commit({ key: 'a' })
    const [put, deletion] = sink.take().flatMap(({ events }) => events)
    expect(put).toEqual(watched.log.history[0])
    expect(deletion?.type).toBe(EventType.DELETE)
    expect(deletion).toEqual(watched.log.history[1])
  })
})
