import type { EventLog } from './event-log.ts'
import type { IntervalIndex } from './interval.ts'
import type { Event, KeyValue, Revision } from './types.ts'
import { watchResponse } from './watch-response.ts'
import type { Watcher } from './watcher.ts'

/** What a response is taken to add to its events when fragments are measured. */
const RESPONSE_OVERHEAD_BYTES = 64
/** At most so much does an encoded key-value add to its key and value: tags, lengths, numbers. */
const KEY_VALUE_OVERHEAD_BYTES = 56

/** Where responses take from what the events do not tell. */
export interface DeliverySource {
  readonly log: EventLog
  /** The size in bytes from which on a response is cut, for watchers that asked for fragments. */
  readonly fragmentBytesMax: number
}

/**
 * The events of one revision, or of one read of the log, on their way to the watchers: one response
 * to each. Watchers that match the same events get the same array, and a previous version is looked
 * up once, and only if somebody wants it.
 */
export class Delivery {
  readonly #source: DeliverySource
  /** Of the responses' headers. */
  readonly #revision: Revision
  readonly #none = new Match(undefined)
  readonly #due = new Map<Watcher, Match>()
  readonly #withPrevKv = new Map<Event, Event>()
  readonly #shown: readonly Show[] = [
    (event) => event,
    (event) => this.#filled(event),
    (event) => bare(event),
    (event) => bare(this.#filled(event)),
  ]
  readonly #fragments = new Map<readonly Event[], readonly (readonly Event[])[]>()
  #matches = 0

  constructor(source: DeliverySource, revision: Revision) {
    this.#source = source
    this.#revision = revision
  }

  /** How many times an event met a watcher that wants it. */
  get matches(): number {
    return this.#matches
  }

  /** The watchers that have something coming. */
  get watchers(): Iterable<Watcher> {
    return this.#due.keys()
  }

  has(watcher: Watcher): boolean {
    return this.#due.has(watcher)
  }

  /** Events are added in their order. */
  add(index: IntervalIndex<Watcher>, event: Event): void {
    index.visit(event.kv.key, (watcher) => {
      if (watcher.wants(event)) {
        this.#matches++
        this.#due.set(watcher, (this.#due.get(watcher) ?? this.#none).and(event))
      }
    })
  }

  /**
   * The most bytes that an event takes in a response to any of the watchers; 0 if nobody wants it. The
   * version before is looked up if somebody wants that, too.
   */
  sizeFor(index: IntervalIndex<Watcher>, event: Event): number {
    let wanted = false
    let wantsPrevKv = false
    index.visit(event.kv.key, (watcher) => {
      if (watcher.wants(event)) {
        wanted = true
        wantsPrevKv ||= watcher.prevKv
      }
    })
    return wanted ? sizeOf(wantsPrevKv ? this.#filled(event) : event) : 0
  }

  send(watcher: Watcher): void {
    const match = this.#due.get(watcher)
    if (match === undefined) {
      return
    }
    const way = (watcher.keysOnly ? 2 : 0) + (watcher.prevKv ? 1 : 0)
    const events = match.events(way, this.#shown[way])
    const parts = watcher.fragment ? this.#cut(events) : [events]
    watcher.quiet = false
    for (const [i, part] of parts.entries()) {
      const fragment = i < parts.length - 1
      const fields = { revision: this.#revision, watchId: watcher.id, fragment, events: part }
      watcher.owner.sink.send(watchResponse(fields))
    }
  }

  #filled(event: Event): Event {
    let filled = this.#withPrevKv.get(event)
    if (filled === undefined) {
      const prevKv = this.#source.log.previous(event)
      filled = prevKv === undefined ? event : { ...event, prevKv }
      this.#withPrevKv.set(event, filled)
    }
    return filled
  }

  #cut(events: readonly Event[]): readonly (readonly Event[])[] {
    let parts = this.#fragments.get(events)
    if (parts === undefined) {
      parts = fragments(events, this.#source.fragmentBytesMax)
      this.#fragments.set(events, parts)
    }
    return parts
  }
}

/** As it is, with the version before, without values. */
type Show = (event: Event) => Event

interface Step {
  readonly event: Event
  readonly before: Step | undefined
}

/**
 * The events that some watchers have matched so far, as a path from the first to the last. All who
 * match the same next event go to the same next place, so that those at the same end have seen the
 * same events, and find the array there that the first of them made.
 */
class Match {
  readonly #last: Step | undefined
  #next: Map<Event, Match> | undefined
  /** By the ways that events are shown; the first is as they are. */
  readonly #events: (readonly Event[] | undefined)[] = []

  constructor(last: Step | undefined) {
    this.#last = last
  }

  and(event: Event): Match {
    this.#next ??= new Map()
    let next = this.#next.get(event)
    if (next === undefined) {
      next = new Match({ event, before: this.#last })
      this.#next.set(event, next)
    }
    return next
  }

  events(way: number, show: Show | undefined): readonly Event[] {
    const plain = (this.#events[0] ??= this.#path())
    if (way === 0 || show === undefined) {
      return plain
    }
    return (this.#events[way] ??= plain.map((event) => show(event)))
  }

  #path(): readonly Event[] {
    const events: Event[] = []
    for (let at = this.#last; at !== undefined; at = at.before) {
      events.push(at.event)
    }
    return events.toReversed()
  }
}

function bare(event: Event): Event {
  const { kv, prevKv } = event
  const before = prevKv === undefined ? undefined : { ...prevKv, value: NO_BYTES }
  return { ...event, kv: { ...kv, value: NO_BYTES }, prevKv: before }
}

const NO_BYTES = new Uint8Array(0)

/** Cuts where the next event would make the response too long; one event always fits. */
function fragments(events: readonly Event[], bytesMax: number): readonly (readonly Event[])[] {
  const parts: (readonly Event[])[] = []
  let first = 0
  let bytes = RESPONSE_OVERHEAD_BYTES
  for (const [i, event] of events.entries()) {
    const size = sizeOf(event)
    if (i > first && bytes + size >= bytesMax) {
      parts.push(events.slice(first, i))
      first = i
      bytes = RESPONSE_OVERHEAD_BYTES
    }
    bytes += size
  }
  return first === 0 ? [events] : [...parts, events.slice(first)]
}

function sizeOf({ kv, prevKv }: Event): number {
  return sizeOfKeyValue(kv) + (prevKv === undefined ? 0 : sizeOfKeyValue(prevKv))
}

function sizeOfKeyValue(kv: KeyValue): number {
  return kv.key.length + kv.value.length + KEY_VALUE_OVERHEAD_BYTES
}
