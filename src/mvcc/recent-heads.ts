import { type Event, EventType, type KeyValue, type LeaseId, type Revision } from './types.ts'

/** A power of two. At most 2 MB: a key of Kubernetes and what is known of it take about 200 bytes. */
const PLACES = 4096
const NO_BYTES = new Uint8Array(0)
const KEY_BYTES_MAX = 256

/** What a key's current row says, but for its value. `sub` is its place in the transaction. */
export interface Head {
  readonly createRevision: Revision
  readonly modRevision: Revision
  readonly sub: number
  readonly version: number
  readonly lease: LeaseId
}

interface Held {
  /** A character for a byte: the key itself is a view of a whole message. */
  readonly key: string
  head: Head
}

/**
 * The heads of keys that have been put again, as the leases of nodes are all day. A put that knows its
 * key's head has no row to be answered, which takes SQLite as long as the put itself, and a transaction
 * that compares a head reads nothing. A key's hash is its place, which it leaves to the next one that
 * has the same.
 */
export class RecentHeads {
  readonly #held: (Held | undefined)[]

  constructor(places = PLACES) {
    this.#held = Array.from({ length: places }, () => undefined)
  }

  get(key: Uint8Array): Head | undefined {
    const held = this.#held[this.#placeOf(key)]
    return held !== undefined && isSame(held.key, key) ? held.head : undefined
  }

  /** The key's version, as far as it is known: without its value. */
  version(key: Uint8Array): KeyValue | undefined {
    const head = this.get(key)
    if (head === undefined) {
      return undefined
    }
    const { createRevision, modRevision, version, lease } = head
    return { key, createRevision, modRevision, version, lease, value: NO_BYTES }
  }

  /** All changes of a transaction that has succeeded, in their order. */
  changed(events: readonly Event[]): void {
    for (const [sub, { type, kv }] of events.entries()) {
      if (type === EventType.DELETE) {
        this.#drop(kv.key)
      } else if (kv.version > 1) {
        this.#hold(kv, sub)
      }
    }
  }

  #hold({ key, createRevision, modRevision, version, lease }: KeyValue, sub: number): void {
    if (key.length > KEY_BYTES_MAX) {
      return
    }
    const head = { createRevision, modRevision, sub, version, lease }
    const place = this.#placeOf(key)
    const held = this.#held[place]
    if (held !== undefined && isSame(held.key, key)) {
      held.head = head
    } else {
      this.#held[place] = { key: String.fromCharCode(...key), head }
    }
  }

  #drop(key: Uint8Array): void {
    if (this.get(key) !== undefined) {
      this.#held[this.#placeOf(key)] = undefined
    }
  }

  /** After a change too large to follow key by key. */
  forget(): void {
    this.#held.fill(undefined)
  }

  /** FNV-1a, whose upper bits are the better ones. */
  #placeOf(key: Uint8Array): number {
    let hash = 0x811c9dc5
    for (const byte of key) {
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    return (hash ^ (hash >>> 16)) & (this.#held.length - 1)
  }
}

function isSame(text: string, key: Uint8Array): boolean {
  if (text.length !== key.length) {
    return false
  }
  // Keys differ at their ends.
  for (let i = key.length - 1; i >= 0; i--) {
    if (text.charCodeAt(i) !== key[i]) {
      return false
    }
  }
  return true
}
