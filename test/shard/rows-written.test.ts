import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { migrate } from '../../src/mvcc/migrations.ts'
import type { Store } from '../../src/mvcc/store.ts'
import { migrations } from '../../src/shard/migrations.ts'
import { durableSql } from '../../src/shard/storage.ts'
import { deleteOf, numbered, openStore, putOf, putOp, rangeOf, txnOf } from '../mvcc/requests.ts'

const BIG = 'x'.repeat(100_000)

/** What Durable Objects bill: rows written, those of indexes too. */
class Meter {
  readonly store: Store
  #cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = []

  constructor(storage: DurableObjectStorage) {
    migrate(durableSql(storage), migrations)
    const exec = (query: string, ...bindings: SqlStorageValue[]): unknown => {
      const cursor = storage.sql.exec<Record<string, SqlStorageValue>>(query, ...bindings)
      this.#cursors.push(cursor)
      return cursor
    }
    const counting = {
      sql: { exec, databaseSize: 0 },
      transactionSync: <T>(body: () => T): T => storage.transactionSync(body),
    }
    this.store = openStore(durableSql(counting as unknown as DurableObjectStorage), [7n, 8n])
  }

  rows(body: (store: Store) => void): number {
    this.#cursors = []
    body(this.store)
    return this.#cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0)
  }

  /** The rows of each of them, one after the other. */
  each(...bodies: ((store: Store) => void)[]): number[] {
    return bodies.map((body) => this.rows(body))
  }
}

function metered(body: (meter: Meter) => void): Promise<void> {
  const stub = env.SHARD.get(env.SHARD.newUniqueId())
  return runInDurableObject(stub, (_shard, { storage }) => body(new Meter(storage)))
}

describe('rows written', () => {
  it('[ROW1] a put writes two rows: creating, overwriting, or of a long value', () =>
    metered((meter) => {
      const rows = meter.each(
        (store) => store.put(putOf('a', '1')),
        (store) => store.put(putOf('a', '2')),
        (store) => store.put(putOf('a', BIG, { prevKv: true })),
        (store) => store.put(putOf('b', BIG)),
        (store) => store.put(putOf('a', '', { ignoreValue: true })),
        (store) => store.txn(txnOf([putOp('a'), putOp('b'), putOp('c')])),
      )
      expect(rows).toEqual([2, 2, 2, 2, 2, 6])
    }))

  it('[ROW2] a put with a lease writes one row more, one that takes the lease away does not', () =>
    metered((meter) => {
      const rows = meter.each(
        (store) => store.put(putOf('a', '', { lease: 7n })),
        (store) => store.put(putOf('a', '', { lease: 7n })),
        (store) => store.put(putOf('a', '', { lease: 8n })),
        (store) => store.put(putOf('a')),
      )
      expect(rows).toEqual([3, 3, 3, 2])
    }))

  it('[ROW3] a delete writes a tombstone, its index entry, and the end of the current row', () =>
    metered((meter) => {
      meter.store.put(putOf('a'))
      meter.store.put(putOf('b', '', { lease: 7n }))
      meter.store.put(putOf('c', BIG))
      const rows = meter.each(
        (store) => store.deleteRange(deleteOf('a')),
        (store) => store.deleteRange(deleteOf('b')),
        (store) => store.deleteRange(deleteOf('c')),
        (store) => store.deleteRange(deleteOf('d')),
      )
      expect(rows).toEqual([3, 3, 3, 0])
    }))

  it('[ROW4] compaction writes one row for each that it takes away, and one for each slice', () =>
    metered((meter) => {
      for (let i = 0; i < 100; i++) {
        meter.store.put(putOf(numbered('k', i % 10), String(i)))
      }
      const rows = meter.rows((store) => {
        store.compact(store.revision)
        finish(store)
      })
      expect(rows).toBe(90 + 2)
      for (let i = 0; i < 10; i++) {
        meter.store.deleteRange(deleteOf(numbered('k', i)))
      }
      meter.store.put(putOf('last'))
      const deleted = meter.rows((store) => {
        store.compact(store.revision)
        finish(store)
      })
      // Each key's last put and its tombstone.
      expect(deleted).toBe(20 + 2)
    }))

  it('[ROW6] a value that is cut writes two rows more for each part, and one when it is compacted', () =>
    metered((meter) => {
      const cut = { ...putOf('a'), value: new Uint8Array(8_500_000) }
      const rows = meter.each(
        (store) => store.put(cut),
        (store) => store.put(cut),
        (store) => {
          store.compact(store.revision)
          finish(store)
        },
      )
      expect(rows).toEqual([2 + 12, 2 + 12, 1 + 6 + 2])
    }))

  it('[ROW5] reads write nothing', () =>
    metered((meter) => {
      meter.store.put(putOf('a'))
      meter.store.put(putOf('b'))
      const rows = meter.each(
        (store) => store.range(rangeOf('a', 'c', { revision: 2, sortTarget: 4 }), 100),
        (store) => store.range(rangeOf('a', 'c', { limit: 1 }), 100),
        (store) => store.txn(txnOf([{ requestRange: rangeOf('a') }])),
        (store) => store.hashKv(0).next(),
        (store) => store.leasedKeys(7n),
      )
      expect(rows).toEqual([0, 0, 0, 0, 0])
    }))
})

function finish(store: Store): void {
  while (store.compactSlice(undefined)) {
    // Until nothing is left to be deleted.
  }
}
