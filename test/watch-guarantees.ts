// What etcd promises of a watch (https://etcd.io/docs/current/learning/api_guarantees/), each
// promise as a check of a recorded watch against the history that really happened.
import { type Bounds, boundsOf, contains } from '../src/mvcc/key-range.ts'
import { type Event, EventType, FilterType, type KeyValue } from '../src/mvcc/types.ts'
import type { WatchResponse } from '../src/mvcc/watch-response.ts'
import type { WatchCreateRequest } from '../src/mvcc/watcher.ts'

type RecordedRequest = Pick<
  WatchCreateRequest,
  'key' | 'rangeEnd' | 'startRevision' | 'filters' | 'prevKv'
>

export type RecordedResponse = Pick<
  WatchResponse,
  'revision' | 'created' | 'canceled' | 'fragment' | 'events'
>

/** One watch, whoever recorded it: from inside the engine, or over HTTP. */
export interface WatchRecord {
  readonly request: RecordedRequest
  /**
   * In the order received, the first being the creation: what had the watch's own id, and those
   * progress messages of its stream that spoke for all watches.
   */
  readonly responses: readonly RecordedResponse[]
  /** Every event up to this revision has had its time to come; 0 when that cannot be known. */
  readonly upTo: number
}

export interface History {
  /** All that happened from revision 2 on, in order. */
  readonly events: readonly Event[]
  /** The last compaction, below which previous versions may be missing. */
  readonly compactRevision: number
}

export type Guarantee =
  | 'filtered'
  | 'faithful'
  | 'ordered'
  | 'unique'
  | 'atomic'
  | 'reliable'
  | 'resumable'
  | 'bookmarkable'
  | 'prevKv'

export interface Violation {
  readonly guarantee: Guarantee
  readonly detail: string
}

/** An event received: its place in the history, -1 if it never happened, and its message. */
interface Received {
  readonly event: Event
  readonly place: number
  /** Fragments of one response are one message. */
  readonly message: number
}

/** A response without events that tells of a revision, and how many events had come before it. */
interface Bookmark {
  readonly revision: number
  readonly received: number
}

interface Facts {
  readonly record: WatchRecord
  readonly history: History
  readonly bounds: Bounds
  /** The first revision that the watch is to hear of. */
  readonly begin: number
  readonly received: readonly Received[]
  readonly bookmarks: readonly Bookmark[]
  /** The places in the history of all that the watch is to be sent, sooner or later. */
  readonly due: readonly number[]
}

type Check = (facts: Facts) => Iterable<string>

const checks: Readonly<Record<Guarantee, Check>> = {
  filtered,
  faithful,
  ordered,
  unique,
  atomic,
  reliable,
  resumable,
  bookmarkable,
  prevKv,
}

/** Every promise that the record breaks; none is what is hoped for. */
export function violations(record: WatchRecord, history: History): readonly Violation[] {
  const facts = factsOf(record, history)
  return Object.entries(checks).flatMap(([guarantee, check]) =>
    Array.from(check(facts), (detail) => ({ guarantee: guarantee as Guarantee, detail })),
  )
}

/**
 * A client that lost its watch and began anew after the last revision that it knew of, several
 * times maybe, as the one watch that it is to its user.
 */
export function resumed(lives: readonly WatchRecord[]): WatchRecord {
  const [first] = lives
  const last = lives.at(-1)
  if (first === undefined || last === undefined) {
    throw new Error('a watch has at least one life')
  }
  const rest = lives.slice(1).flatMap((life) => life.responses.slice(1))
  const responses = [...first.responses, ...rest].filter((response) => !response.canceled)
  return { request: first.request, responses, upTo: last.upTo }
}

function factsOf(record: WatchRecord, history: History): Facts {
  const { request, responses } = record
  const places = new Map(history.events.map((event, place) => [nameOf(event), place]))
  const received: Received[] = []
  const bookmarks: Bookmark[] = []
  let message = 0
  for (const { events, created, canceled, fragment, revision } of responses) {
    for (const event of events) {
      received.push({ event, place: places.get(nameOf(event)) ?? -1, message })
    }
    message += fragment ? 0 : 1
    if (events.length === 0 && !created && !canceled) {
      bookmarks.push({ revision, received: received.length })
    }
  }
  const begin =
    request.startRevision === 0 ? (responses[0]?.revision ?? 0) + 1 : request.startRevision
  const facts = { record, history, begin, received, bookmarks, bounds: boundsOf(request) }
  const due = history.events.flatMap((event, place) => (isDue(facts, event) ? [place] : []))
  return { ...facts, due }
}

function isDue({ record, bounds, begin }: Omit<Facts, 'due'>, { type, kv }: Event): boolean {
  const filter = type === EventType.PUT ? FilterType.NOPUT : FilterType.NODELETE
  const wanted = contains(bounds, kv.key) && !record.request.filters.includes(filter)
  return wanted && kv.modRevision >= begin
}

/** Nothing comes that was not asked for. */
function* filtered(facts: Facts): Iterable<string> {
  for (const { event } of facts.received) {
    if (!isDue(facts, event)) {
      yield `${nameOf(event)} was not asked for`
    }
  }
}

/** What comes has happened, just so; in particular, a creation says that it is one. */
function* faithful({ received, history, record }: Facts): Iterable<string> {
  for (const { event, place } of received) {
    const happened = history.events[place]
    if (happened === undefined) {
      yield `${nameOf(event)} did not happen`
    } else if (!sameVersion(event.kv, happened.kv)) {
      yield `${nameOf(event)} happened otherwise`
    }
  }
  for (const { revision, events } of record.responses) {
    if (events.some((event) => event.kv.modRevision > revision)) {
      yield `a header of revision ${revision} stands over later events`
    }
  }
}

/** Events come in the order of revisions, and within one in the order of its changes. */
function* ordered({ received }: Facts): Iterable<string> {
  for (const [i, { event, place }] of received.entries()) {
    if (place < (received[i - 1]?.place ?? -1)) {
      yield `${nameOf(event)} comes late`
    }
  }
}

/** No event comes twice. */
function* unique({ received }: Facts): Iterable<string> {
  const seen = new Set<string>()
  for (const { event } of received) {
    if (seen.has(nameOf(event))) {
      yield `${nameOf(event)} comes again`
    }
    seen.add(nameOf(event))
  }
}

/** All events of a revision come in one message. */
function* atomic({ received, due, history, record }: Facts): Iterable<string> {
  const messages = new Map<number, Set<number>>()
  const places = new Map<number, Set<number>>()
  for (const { event, message, place } of received) {
    add(messages, event.kv.modRevision, message)
    add(places, event.kv.modRevision, place)
  }
  for (const [revision, parts] of messages) {
    if (parts.size > 1) {
      yield `revision ${revision} comes in ${parts.size} messages`
    }
    const all = due.filter((place) => history.events[place]?.kv.modRevision === revision)
    const missing = all.filter((place) => places.get(revision)?.has(place) !== true)
    if (missing.length > 0) {
      yield `revision ${revision} comes without ${missing.length} of its events`
    }
  }
  for (const [i, { fragment }] of record.responses.entries()) {
    if (fragment && record.responses[i + 1]?.events.length === 0) {
      yield 'something comes between the fragments of a message'
    }
  }
}

/** Nothing is left out before the last event that has come, nor up to where all must have come. */
function* reliable({ received, due, history, record }: Facts): Iterable<string> {
  const places = new Set(received.map(({ place }) => place))
  const first = received[0]?.place ?? -1
  const last = received.at(-1)?.place ?? -1
  for (const place of due) {
    const event = history.events[place]
    const overdue = event !== undefined && event.kv.modRevision <= record.upTo
    if (event !== undefined && !places.has(place) && ((place > first && place < last) || overdue)) {
      yield `${nameOf(event)} never comes`
    }
  }
}

/** A watch that begins at an old revision hears of everything since, from its first event on. */
function* resumable({ received, due, history }: Facts): Iterable<string> {
  const first = received[0]
  const missed = due.filter((place) => first !== undefined && place < first.place)
  const names = missed.flatMap((place) => history.events[place] ?? []).map(nameOf)
  if (names.length > 0) {
    yield `the watch begins without ${names.join(', ')}`
  }
}

/** A message of progress at a revision comes after all events up to it. */
function* bookmarkable({ bookmarks, received, due, history }: Facts): Iterable<string> {
  for (const { revision, received: count } of bookmarks) {
    const before = new Set(received.slice(0, count).map(({ place }) => place))
    const passed = due.filter((place) => (history.events[place]?.kv.modRevision ?? 0) <= revision)
    if (passed.some((place) => !before.has(place))) {
      yield `progress at ${revision} is told before the events up to it`
    }
    if (received.slice(count).some(({ event }) => event.kv.modRevision <= revision)) {
      yield `events follow that are older than the progress at ${revision}`
    }
  }
}

/** Whoever asks for previous versions gets them, unless they are compacted; nobody else does. */
function* prevKv({ received, record, history }: Facts): Iterable<string> {
  for (const { event, place } of received) {
    const expected = record.request.prevKv ? previousOf(history.events, place) : undefined
    const compacted = event.kv.modRevision - 1 < history.compactRevision
    const excused = compacted && event.prevKv === undefined
    if (!excused && !sameVersion(event.prevKv, expected)) {
      yield `${nameOf(event)} has another previous version`
    }
  }
}

/** The version of an event's key before its revision; none for a creation. */
function previousOf(events: readonly Event[], place: number): KeyValue | undefined {
  const kv = events[place]?.kv
  if (kv === undefined || kv.createRevision === kv.modRevision) {
    return undefined
  }
  const key = hex(kv.key)
  const last = events
    .slice(0, place)
    .findLast((event) => event.kv.modRevision < kv.modRevision && hex(event.kv.key) === key)
  return last?.type === EventType.PUT ? last.kv : undefined
}

function sameVersion(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  if (a === undefined || b === undefined) {
    return a === b
  }
  return (
    hex(a.key) === hex(b.key) &&
    hex(a.value) === hex(b.value) &&
    a.createRevision === b.createRevision &&
    a.modRevision === b.modRevision &&
    a.version === b.version &&
    a.lease === b.lease
  )
}

/** A transaction may put a key and delete it, but does neither twice. */
function nameOf({ type, kv }: Event): string {
  return `${type === EventType.PUT ? 'put' : 'delete'} of ${hex(kv.key)} at ${kv.modRevision}`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function add(sets: Map<number, Set<number>>, name: number, value: number): void {
  const set = sets.get(name) ?? new Set()
  sets.set(name, set.add(value))
}
