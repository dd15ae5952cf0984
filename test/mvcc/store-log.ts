// The real store where the memory log stands, told the same, and checked against it as it goes.
import assert from 'node:assert/strict'
import type { Bounds } from '../../src/mvcc/key-range.ts'
import { Store } from '../../src/mvcc/store.ts'
import { type Event, type KeyValue, NO_LEASE } from '../../src/mvcc/types.ts'
import { bytes, type Change, MemoryLog, type WatchableLog } from './memory-log.ts'
import { openNodeSql } from './node-sql.ts'

export class StoreLog implements WatchableLog {
  readonly #memory = new MemoryLog()
  readonly #changed: Event[] = []
  readonly #store = new Store(openNodeSql(), {
    txnOpsMax: 128,
    hasLease: () => true,
    changed: (_, events) => this.#changed.push(...(events === 'many' ? [] : events)),
  })

  get revision(): number {
    return this.#store.revision
  }

  get compactRevision(): number {
    return this.#store.compactRevision
  }

  get history(): readonly Event[] {
    return this.#memory.history
  }

  /** Of several changes of a key the first is taken: etcd refuses such a transaction. */
  commit(changes: readonly Change[]): readonly Event[] {
    const keys = changes.map(({ key }) => key)
    const once = changes.filter(({ key }, i) => keys.indexOf(key) === i)
    const expected = this.#memory.commit(once)
    this.#changed.splice(0)
    this.#store.txn({ compare: [], success: once.map(requestOf), failure: [] })
    const changed = this.#changed.map(({ type, kv, prevKv }) => ({ type, kv, prevKv }))
    assert.deepEqual(changed, expected)
    assert.equal(this.#store.revision, this.#memory.revision)
    return [...this.#changed]
  }

  /** What is superseded goes at once, so that a replay finds only what must be kept. */
  compact(revision: number): void {
    this.#memory.compact(revision)
    this.#store.compact(revision)
    while (this.#store.compactSlice(undefined)) {
      // Each slice deletes a part.
    }
  }

  searchEnd(from: number, before: number, changesMax: number): number {
    const end = this.#store.searchEnd(from, before, changesMax)
    assert.ok(end > from && end <= before, 'a search gets on, and no further than it may')
    return end
  }

  events(from: number, bounds: Bounds, before: number): Iterable<Event> {
    return this.#store.events(from, bounds, before)
  }

  previous(event: Event): KeyValue | undefined {
    return this.#store.previous(event)
  }
}

function requestOf({ key, value }: Change) {
  const range = { key: bytes(key), rangeEnd: new Uint8Array(0), prevKv: false }
  return value === undefined
    ? { requestDeleteRange: range }
    : {
        requestPut: {
          ...range,
          value: bytes(value),
          lease: NO_LEASE,
          ignoreValue: false,
          ignoreLease: false,
        },
      }
}
