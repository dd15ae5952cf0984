import { describe, expect, it } from 'vitest'
import { FilterType } from '../../src/mvcc/types.ts'
import { MemoryLog } from './memory-log.ts'
import { RecordingSink } from './recording-sink.ts'
import { told, WatchedLog, watchOf } from './watched-log.ts'

describe('restoring', () => {
  it('[WAT26] a synced watch goes on with the next revision, one behind where it was', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { watchId: 4 }))
    stream.create(watchOf('a', { startRevision: 2 }))
    stream.create(watchOf('a', { startRevision: 5 }))
    sink.take()
    const state = structuredClone(stream.state())
    watched.evict()
    const again = watched.open()
    again.stream.restore(state, stream.nextWatchId)
    expect(again.stream.state()).toEqual(state)
    watched.put('a')
    expect(told(again.sink.take())).toEqual(['4@3: put a'])
    watched.catchUp()
    expect(told(again.sink.take())).toEqual(['0@3: put a, put a'])
    watched.put('b')
    watched.put('a')
    expect(told(again.sink.take()).toSorted()).toEqual(['0@5: put a', '1@5: put a', '4@5: put a'])
    again.stream.create(watchOf('a'))
    expect(told(again.sink.take())).toEqual(['2@5: created'])
  })

  it('[WAT26] a watch keeps its range, its options and its filters', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { stream } = watched.open()
    const options = { prevKv: true, fragment: true, progressNotify: true, watchId: 3 }
    stream.create(watchOf('', { end: '\0', filters: [FilterType.NOPUT], ...options }))
    const [state] = stream.state()
    const expected = { ...watchOf('\0', { end: '\0', filters: [FilterType.NOPUT], ...options }) }
    const { startRevision, ...request } = expected
    expect(state).toEqual({ ...request, synced: true, next: startRevision })
  })

  it('[WAT26] a watch canceled by compaction is not canceled again, and its id stays taken', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.log.compact(2)
    const { stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 1 }))
    watched.catchUp()
    const state = structuredClone(stream.state())
    watched.evict()
    const again = watched.open()
    again.stream.restore(state, stream.nextWatchId)
    watched.catchUp()
    watched.put('a')
    again.stream.progress()
    expect(again.sink.take()).toEqual([])
    again.stream.cancel(0)
    expect(told(again.sink.take())).toEqual(['0@3: canceled'])
  })

  it('[WAT26] a watch behind a revision that was lost before its commit waits for it', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    const { startRevision, ...request } = watchOf('a', { startRevision: 2 })
    stream.restore([{ ...request, synced: false, next: startRevision }], 1)
    expect(watched.hub.pending()).toBe(false)
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@2: put a'])
  })

  it('[WAT27] needs only the changes that were told of', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('a', { startRevision: 2 }))
    expect(sink.changes).toBe(1)
    expect(stream.takeChanges()).toMatchObject([
      { watchId: 0, state: { synced: true, next: 0 } },
      { watchId: 1, state: { synced: false, next: 2 } },
    ])
    watched.catchUp()
    expect(sink.changes).toBe(2)
    expect(stream.takeChanges()).toMatchObject([{ watchId: 1, state: { synced: true, next: 0 } }])
    watched.put('a')
    expect(sink.changes).toBe(2)
    sink.room = 0
    watched.put('a')
    expect(sink.changes).toBe(3)
    expect(stream.takeChanges()).toMatchObject([
      { watchId: 0, state: { synced: false, next: 4 } },
      { watchId: 1, state: { synced: false, next: 4 } },
    ])
    watched.put('a')
    expect(stream.takeChanges()).toEqual([])
    stream.cancel(1)
    watched.hub.close(stream)
    expect(stream.takeChanges()).toEqual([
      { watchId: 1, state: undefined },
      { watchId: 0, state: undefined },
    ])
  })

  it('[WAT27] tells of no change by itself', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { stream } = watched.open()
    stream.create(watchOf('a'))
    const sink = new RecordingSink()
    watched.evict()
    watched.hub.open(sink).restore(stream.state(), 1)
    expect(sink.changes).toBe(0)
  })
})
