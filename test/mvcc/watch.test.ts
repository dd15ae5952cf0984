import { describe, expect, it } from 'vitest'
import { bytes, MemoryLog, text } from './memory-log.ts'
import { told, WatchedLog, watchOf } from './watched-log.ts'

describe('creating', () => {
  it('[WAT1] answers with the current revision and ids that count from 0', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('a'))
    expect(told(sink.take())).toEqual(['0@2: created', '1@2: created'])
    const other = watched.open()
    other.stream.create(watchOf('a'))
    expect(told(other.sink.take())).toEqual(['0@2: created'])
  })

  it('[WAT2] takes chosen ids, negative ones too, and counts past them', () => {
    const { sink, stream } = new WatchedLog(new MemoryLog()).open()
    for (const watchId of [1, -7, 0, 0, 0]) {
      stream.create(watchOf('a', { watchId }))
    }
    const ids = sink.take().map((response) => response.watchId)
    expect(ids).toEqual([1, -7, 0, 2, 3])
  })

  it('[WAT2] does not choose an id again after its watch is canceled', () => {
    const { sink, stream } = new WatchedLog(new MemoryLog()).open()
    stream.create(watchOf('a'))
    stream.cancel(0)
    stream.create(watchOf('a'))
    expect(told(sink.take())).toEqual(['0@1: created', '0@1: canceled', '1@1: created'])
  })

  it('[WAT3] refuses an id that is taken, and the stream goes on', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { watchId: 5 }))
    stream.create(watchOf('b', { watchId: 5 }))
    watched.put('a')
    expect(told(sink.take())).toEqual([
      '5@1: created',
      '-1@1: created, canceled, mvcc: duplicate watch ID provided on the WatchStream',
      '5@2: put a',
    ])
  })

  it('[WAT4] refuses a range without keys', () => {
    const { sink, stream } = new WatchedLog(new MemoryLog()).open()
    stream.create(watchOf('b', { end: 'b' }))
    stream.create(watchOf('b', { end: 'a' }))
    const refused = '-1@1: created, canceled, mvcc: watcher range is empty'
    expect(told(sink.take())).toEqual([refused, refused])
  })

  it('[WAT5] refuses a negative revision, before anything else that is wrong', () => {
    const { sink, stream } = new WatchedLog(new MemoryLog()).open()
    stream.create(watchOf('a', { watchId: 5 }))
    sink.take()
    stream.create(watchOf('a', { startRevision: -1 }))
    stream.create(watchOf('b', { end: 'a', startRevision: -1, watchId: 5 }))
    stream.create(watchOf('b', { end: 'a', watchId: 5 }))
    const compacted = 'etcdserver: mvcc: required revision has been compacted'
    expect(told(sink.take())).toEqual([
      `-1@1: created, canceled, ${compacted}`,
      `-1@1: created, canceled, ${compacted}`,
      '-1@1: created, canceled, mvcc: watcher range is empty',
    ])
  })

  it('[WAT6] watches a key, a range, all from a key on; an empty key is the smallest', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('b'))
    stream.create(watchOf('b', { end: 'd' }))
    stream.create(watchOf('c', { end: '\0' }))
    stream.create(watchOf('', { end: '\0' }))
    stream.create(watchOf(''))
    sink.take()
    for (const key of ['\0', 'a', 'b', 'b\0', 'c', 'd']) {
      watched.put(key)
    }
    const keys = [0, 1, 2, 3, 4].map((id) =>
      sink.responses
        .filter((r) => r.watchId === id)
        .map((r) => text(r.events[0]?.kv.key ?? new Uint8Array(0))),
    )
    expect(keys).toEqual([
      ['b'],
      ['b', 'b\0', 'c'],
      ['c', 'd'],
      ['\0', 'a', 'b', 'b\0', 'c', 'd'],
      ['\0'],
    ])
  })
})

it('[WAT6] keeps no hold of the request, which may be a view of a message', () => {
  const watched = new WatchedLog(new MemoryLog())
  const { sink, stream } = watched.open()
  const request = watchOf('a', { end: 'c' })
  stream.create(request)
  request.key.fill(0)
  request.rangeEnd.fill(0)
  sink.take()
  watched.put('b')
  watched.put('c')
  expect(told(sink.take())).toEqual(['0@2: put b'])
  expect(stream.state()).toMatchObject([{ key: bytes('a'), rangeEnd: bytes('c') }])
})

describe('beginning', () => {
  it('[WAT7] hears of what comes after its creation when no revision is given', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    watched.catchUp()
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@2: created', '0@3: put a'])
  })

  it('[WAT8] replays from an old revision on and goes over to new ones without a gap', () => {
    const watched = new WatchedLog(new MemoryLog())
    for (const key of ['a', 'a', 'b', 'a']) {
      watched.put(key)
    }
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 3 }))
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@5: created'])
    watched.catchUp()
    expect(sink.responses[0]?.events.map(({ kv }) => kv.modRevision)).toEqual([3, 5, 6])
    expect(told(sink.take())).toEqual(['0@6: put a, put a, put a'])
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@7: put a'])
  })

  it('[WAT9] waits for a revision in the future', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 4 }))
    expect(watched.hub.pending()).toBe(false)
    for (const key of ['a', 'a', 'a', 'a']) {
      watched.put(key)
    }
    expect(told(sink.take())).toEqual(['0@1: created', '0@4: put a', '0@5: put a'])
  })

  it('[WAT10] is created and then canceled at a compacted revision', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.put('a')
    watched.log.compact(3)
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    watched.catchUp()
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@3: created', '0@0: canceled, compacted 3'])
  })

  it('[WAT10] is canceled when compaction overtakes its replay', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open(1)
    stream.create(watchOf('a'))
    watched.put('a')
    watched.put('b')
    watched.log.compact(3)
    sink.room = 1
    watched.hub.drained(stream)
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@1: created', '0@0: canceled, compacted 3'])
  })

  it('[WAT11] can begin at the very revision of the compaction', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.commit({ key: 'a' })
    watched.log.compact(3)
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 3 }))
    watched.catchUp()
    expect(told(sink.take())).toEqual(['0@3: created', '0@3: delete a'])
  })

  it('[WAT12] keeps the id of a watch canceled by compaction until its client cancels it', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    watched.put('a')
    watched.log.compact(3)
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2, watchId: 9, progressNotify: true }))
    watched.catchUp()
    sink.take()
    stream.create(watchOf('a', { watchId: 9 }))
    stream.progress()
    watched.hub.progressNotify()
    stream.cancel(9)
    stream.create(watchOf('a', { watchId: 9 }))
    stream.progress()
    expect(told(sink.take())).toEqual([
      '-1@3: created, canceled, mvcc: duplicate watch ID provided on the WatchStream',
      '9@3: canceled',
      '9@3: created',
      '-1@3:',
    ])
  })
})

describe('ending', () => {
  it('[WAT13] answers a cancel, and sends nothing after it', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('a', { startRevision: 2 }))
    stream.create(watchOf('a'))
    sink.take()
    stream.cancel(0)
    stream.cancel(1)
    watched.catchUp()
    watched.put('a')
    expect(told(sink.take())).toEqual(['0@2: canceled', '1@2: canceled', '2@3: put a'])
  })

  it('[WAT13] passes over an id that it does not know', () => {
    const { sink, stream } = new WatchedLog(new MemoryLog()).open()
    stream.cancel(0)
    stream.cancel(-1)
    expect(sink.take()).toEqual([])
  })

  it('[WAT28] forgets the watches of a closed stream without a word', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { progressNotify: true }))
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    expect(watched.hub).toMatchObject({ streamCount: 1, watcherCount: 2, unsyncedCount: 1 })
    watched.hub.close(stream)
    watched.put('a')
    watched.hub.progressNotify()
    expect(watched.hub.pending()).toBe(false)
    expect(sink.take()).toEqual([])
    expect(watched.hub).toMatchObject({ streamCount: 0, watcherCount: 0, unsyncedCount: 0 })
    expect(watched.hub.wantsProgress).toBe(false)
  })
})

describe('progress', () => {
  it('[WAT14] is told on request when every watch of the stream has been sent everything', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('b'))
    watched.put('c')
    sink.take()
    stream.progress()
    expect(told(sink.take())).toEqual(['-1@2:'])
  })

  it('[WAT14] is not told while a watch is behind', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a'))
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    stream.progress()
    expect(sink.take()).toEqual([])
    watched.catchUp()
    stream.progress()
    expect(told(sink.take())).toEqual(['1@2: put a', '-1@2:'])
  })

  it('[WAT14] is not told before the revision that a watch is to begin at', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { startRevision: 2 }))
    sink.take()
    stream.progress()
    expect(sink.take()).toEqual([])
    watched.put('b')
    stream.progress()
    expect(told(sink.take())).toEqual(['-1@2:'])
  })

  it('[WAT14] is not told on a stream without watches, nor to a reader that is behind', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open(1)
    stream.progress()
    expect(sink.take()).toEqual([])
    stream.create(watchOf('a'))
    sink.take()
    stream.progress()
    expect(sink.take()).toEqual([])
  })

  it('[WAT15] is told at the interval to watches that asked for it and heard nothing since', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { progressNotify: true }))
    stream.create(watchOf('b', { progressNotify: true }))
    stream.create(watchOf('b'))
    sink.take()
    watched.hub.progressNotify()
    expect(told(sink.take())).toEqual(['0@1:', '1@1:'])
    watched.put('a')
    sink.take()
    watched.hub.progressNotify()
    expect(told(sink.take())).toEqual(['1@2:'])
    watched.hub.progressNotify()
    expect(told(sink.take())).toEqual(['0@2:', '1@2:'])
  })

  it('[WAT15] is not told to a watch that is behind or still to begin', () => {
    const watched = new WatchedLog(new MemoryLog())
    watched.put('a')
    const { sink, stream } = watched.open()
    stream.create(watchOf('a', { progressNotify: true, startRevision: 2 }))
    stream.create(watchOf('a', { progressNotify: true, startRevision: 3 }))
    sink.take()
    watched.hub.progressNotify()
    expect(sink.take()).toEqual([])
  })

  it('[WAT15] is wanted as long as a watch asks for it', () => {
    const watched = new WatchedLog(new MemoryLog())
    const { stream } = watched.open()
    stream.create(watchOf('a'))
    expect(watched.hub.wantsProgress).toBe(false)
    stream.create(watchOf('a', { progressNotify: true }))
    expect(watched.hub.wantsProgress).toBe(true)
    stream.cancel(1)
    expect(watched.hub.wantsProgress).toBe(false)
  })
})
