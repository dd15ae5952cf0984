// A store that is nothing but its history: what the watch hub is tested over.
import type { EventLog } from '../../src/mvcc/event-log.ts'
import { type Bounds, contains } from '../../src/mvcc/key-range.ts'
import { type Event, EventType, type KeyValue, NO_LEASE } from '../../src/mvcc/types.ts'

export interface Change {
  readonly key: string
  /** Undefined deletes. */
  readonly value?: string | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function bytes(content: string): Uint8Array {
  return encoder.encode(content)
}

export function text(content: Uint8Array): string {
  return decoder.decode(content)
}

/** A log that a test can write to. */
export interface WatchableLog extends EventLog {
  /** Of all revisions, compacted ones too. */
  readonly history: readonly Event[]
  /** Deleting what is not there is no change; a revision without changes is none. */
  commit(changes: readonly Change[]): readonly Event[]
  compact(revision: number): void
}

export class MemoryLog implements WatchableLog {
  revision = 1
  compactRevision = -1
  readonly history: Event[] = []
  /** How often, from where, and how many events the log was asked for. */
  readonly reads: { from: number; events: number }[] = []
  /** The events whose previous version was asked for. */
  readonly lookedUp: Event[] = []
  readonly #current = new Map<string, KeyValue>()

  commit(changes: readonly Change[]): readonly Event[] {
    const modRevision = this.revision + 1
    const events: Event[] = []
    for (const { key, value } of changes) {
      const old = this.#current.get(key)
      if (value !== undefined) {
        const kv = {
          key: bytes(key),
          createRevision: old?.createRevision ?? modRevision,
          modRevision,
          version: (old?.version ?? 0) + 1,
          value: bytes(value),
          lease: NO_LEASE,
        }
        this.#current.set(key, kv)
        events.push({ type: EventType.PUT, kv, prevKv: undefined })
      } else if (old !== undefined) {
        this.#current.delete(key)
        const gone = { createRevision: 0, version: 0, value: new Uint8Array(0), lease: NO_LEASE }
        const kv = { ...gone, key: bytes(key), modRevision }
        events.push({ type: EventType.DELETE, kv, prevKv: undefined })
      }
    }
    if (events.length > 0) {
      this.revision = modRevision
      this.history.push(...events)
    }
    return events
  }

  compact(revision: number): void {
    this.compactRevision = revision
  }

  searchEnd(from: number, before: number, changesMax: number): number {
    const kept = this.history.filter(({ kv: { modRevision } }) => modRevision >= from)
    const next = kept[changesMax]?.kv.modRevision ?? before
    return Math.min(before, Math.max(next, from + 1))
  }

  *events(from: number, bounds: Bounds, before: number): Iterable<Event> {
    if (from < this.compactRevision) {
      throw new Error(`revision ${from} is compacted`)
    }
    const read = { from, events: 0 }
    this.reads.push(read)
    for (const event of this.history) {
      const revision = event.kv.modRevision
      if (revision >= from && revision < before && contains(bounds, event.kv.key)) {
        read.events++
        yield event
      }
    }
  }

  previous(event: Event): KeyValue | undefined {
    this.lookedUp.push(event)
    const { key, modRevision, createRevision } = event.kv
    if (createRevision === modRevision || modRevision - 1 < this.compactRevision) {
      return undefined
    }
    const last = this.history.findLast(
      ({ kv }) => kv.modRevision < modRevision && text(kv.key) === text(key),
    )
    return last?.type === EventType.PUT ? last.kv : undefined
  }
}
