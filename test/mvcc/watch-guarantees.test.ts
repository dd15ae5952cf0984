// The checks that all watch histories go through must themselves be able to fail.
import { describe, expect, it } from 'vitest'
import type { Event } from '../../src/mvcc/types.ts'
import { watchResponse } from '../../src/mvcc/watch-response.ts'
import {
  type Guarantee,
  type RecordedResponse,
  resumed,
  violations,
  type WatchRecord,
} from '../watch-guarantees.ts'
import { bytes, MemoryLog } from './memory-log.ts'
import { watchOf } from './watched-log.ts'

const log = new MemoryLog()
log.commit([{ key: 'a', value: '2' }])
log.commit([
  { key: 'a', value: '3' },
  { key: 'b', value: '3' },
])
log.commit([{ key: 'other', value: '4' }])
log.commit([{ key: 'a' }])
log.commit([{ key: 'a', value: '6' }])

/** The events of the watch [a, c), with previous versions. */
const [a2, a3, b3, a5, a6] = log.history
  .filter(({ kv }) => kv.key.length === 1)
  .map((event) => ({ ...event, prevKv: log.previous(event) })) as [
  Event,
  Event,
  Event,
  Event,
  Event,
]

const created = watchResponse({ watchId: 0, revision: 1, created: true })

function sent(...events: readonly Event[]): RecordedResponse {
  return watchResponse({ watchId: 0, revision: 6, events })
}

function fragment(...events: readonly Event[]): RecordedResponse {
  return { ...sent(...events), fragment: true }
}

function progress(revision: number): RecordedResponse {
  return watchResponse({ watchId: -1, revision })
}

function record(...responses: readonly RecordedResponse[]): WatchRecord {
  const request = { ...watchOf('a', { end: 'c', prevKv: true }), startRevision: 2 }
  return { request, responses: [created, ...responses], upTo: 0 }
}

function broken(watch: WatchRecord, compactRevision = -1): readonly Guarantee[] {
  const found = violations(watch, { events: log.history, compactRevision })
  return [...new Set(found.map(({ guarantee }) => guarantee))]
}

describe('the checks pass', () => {
  it.each<readonly [string, WatchRecord]>([
    ['one response per revision', record(sent(a2), sent(a3, b3), sent(a5), sent(a6))],
    ['revisions in one response', record(sent(a2, a3, b3), sent(a5, a6))],
    ['fragments', record(sent(a2), fragment(a3), sent(b3))],
    ['progress', record(progress(1), sent(a2), progress(2), sent(a3, b3), progress(4), sent(a5))],
    ['a watch that ends early', record(sent(a2))],
    ['a watch that hears nothing', record()],
    ['all that is due', { ...record(sent(a2, a3, b3, a5, a6)), upTo: 6 }],
  ])('[WAT30] %s', (_, watch) => {
    expect(broken(watch)).toEqual([])
  })

  it('[WAT30] a watch from now on, from the revision of its creation', () => {
    const request = { ...watchOf('a', { end: 'c' }), startRevision: 0 }
    const plain = { ...a5, prevKv: undefined }
    const begun = { ...created, revision: 4 }
    expect(broken({ request, responses: [begun, sent(plain)], upTo: 0 })).toEqual([])
    expect(broken({ request, responses: [begun], upTo: 5 })).toEqual(['reliable'])
  })

  it('[WAT30] a missing previous version that is compacted', () => {
    const compacted = { ...a3, prevKv: undefined }
    expect(broken(record(sent(a2), sent(compacted, b3)), 2)).toEqual(['prevKv'])
    expect(broken(record(sent(a2), sent(compacted, b3)), 3)).toEqual([])
  })
})

describe('the checks find', () => {
  it.each<readonly [string, WatchRecord, readonly Guarantee[]]>([
    [
      'an event of a filtered type',
      withFilters([1], sent(a2), sent(a3, b3), sent(a5)),
      ['filtered'],
    ],
    ['an event before the start', from(3, sent(a2), sent(a3, b3)), ['filtered']],
    ['an event that never happened', record(sent(at(a2, 9))), ['filtered', 'faithful']],
    ['another value', record(sent(withValue(a2, 'x'))), ['faithful']],
    ['a creation that says it is none', record(sent(createdAt(a2, 1))), ['faithful']],
    ['a header older than the events', record({ ...sent(a2), revision: 1 }), ['faithful']],
    ['revisions in disorder', record(sent(a2), sent(a5), sent(a3, b3)), ['ordered']],
    ['disorder within a revision', record(sent(a2), sent(b3, a3)), ['ordered']],
    ['an event that comes twice', record(sent(a2), sent(a2)), ['unique', 'atomic']],
    ['a revision in two responses', record(sent(a2), sent(a3), sent(b3)), ['atomic']],
    ['half a revision', record(sent(a2), sent(a3)), ['atomic']],
    [
      'progress within a message',
      record(sent(a2), fragment(a3), progress(2), sent(b3)),
      ['atomic'],
    ],
    ['a gap', record(sent(a2), sent(a5)), ['reliable']],
    ['a gap at the end', { ...record(sent(a2, a3, b3, a5)), upTo: 6 }, ['reliable']],
    ['a gap at the beginning', record(sent(a3, b3)), ['resumable']],
    ['progress that is early', record(sent(a2), progress(3), sent(a3, b3)), ['bookmarkable']],
    ['progress at the end that is early', record(sent(a2), progress(3)), ['bookmarkable']],
    ['no previous version', record(sent(a2), sent(without(a3), b3)), ['prevKv']],
    ['a wrong previous version', record(sent({ ...a2, prevKv: a2.kv })), ['prevKv']],
  ])('[WAT30] %s', (_, watch, expected) => {
    const found = broken(watch)
    expect(found).toEqual(expect.arrayContaining([...expected]))
    expect(found.filter((guarantee) => !expected.includes(guarantee))).toEqual(
      found.filter((guarantee) => MAY_FOLLOW.has(guarantee) && !expected.includes(guarantee)),
    )
  })

  it('[WAT30] a previous version that nobody asked for', () => {
    const watch = record(sent(a2), sent(a3, b3))
    const request = { ...watch.request, prevKv: false }
    expect(broken({ ...watch, request })).toEqual(['prevKv'])
  })

  it('[WAT30] what is lost or comes again when a client begins anew', () => {
    const first = record(sent(a2), sent(a3, b3), { ...progress(0), canceled: true })
    const next = from(4, sent(a5), sent(a6))
    expect(broken(resumed([first, next]))).toEqual([])
    expect(broken(resumed([first, { ...next, responses: [created, sent(a6)] }]))).toEqual([
      'reliable',
    ])
    const twice = resumed([first, { ...next, responses: [created, sent(a3, b3), sent(a5)] }])
    expect(broken(twice)).toEqual(expect.arrayContaining(['unique']))
  })
})

/** One fault may break more than one promise: what follows from these faults by itself. */
const MAY_FOLLOW = new Set<Guarantee>(['ordered', 'atomic', 'reliable', 'resumable', 'prevKv'])

function from(startRevision: number, ...responses: readonly RecordedResponse[]): WatchRecord {
  const watch = record(...responses)
  return { ...watch, request: { ...watch.request, startRevision } }
}

function withFilters(
  filters: readonly number[],
  ...responses: readonly RecordedResponse[]
): WatchRecord {
  const watch = record(...responses)
  return { ...watch, request: { ...watch.request, filters } }
}

function at(event: Event, modRevision: number): Event {
  return { ...event, kv: { ...event.kv, key: bytes('zz'), modRevision } }
}

function withValue(event: Event, value: string): Event {
  return { ...event, kv: { ...event.kv, value: bytes(value) } }
}

function createdAt(event: Event, createRevision: number): Event {
  return { ...event, kv: { ...event.kv, createRevision } }
}

function without(event: Event): Event {
  return { ...event, prevKv: undefined }
}
