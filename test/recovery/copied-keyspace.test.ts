import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import { createTriggers, dropTriggers, insertCurrent } from '../../src/mvcc/current-copy.ts'
import { type CopiedRows, insertCopied } from '../../src/mvcc/log-copy.ts'
import { HistoryRestore } from '../../src/mvcc/restore.ts'
import type { KeyValue, Revision } from '../../src/mvcc/types.ts'
import { Keyspace } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { putOf, rangeOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { finish } from '../snapshot/content.ts'
import { anyStep, KEYS, take } from '../snapshot/random-history.ts'

const EVERYTHING = { start: new Uint8Array(0), end: undefined }

/** As a shard copies another one's keyspace, a few rows at a time. */
function copyOf({ store }: Keyspace, revision: Revision, rowsAtOnce: number): Keyspace {
  const sql = openNodeSql()
  let last: { main: number; sub: number } | undefined = { main: 0, sub: 0 }
  while (last !== undefined) {
    const rows: CopiedRows = structuredClone(store.copyRows(last, revision))
    insertCopied(sql, rows)
    last = rows.last
  }
  const triggers = dropTriggers(sql)
  for (let after: Uint8Array | undefined, more = true; more;) {
    const places = structuredClone(store.copyCurrent(revision, after, rowsAtOnce))
    insertCurrent(sql, places)
    after = places.last
    more = after !== undefined
  }
  createTriggers(sql, triggers)
  if (store.compactRevision >= 0) {
    new HistoryRestore(sql).compacted(store.compactRevision, false)
  }
  return new Keyspace(() => undefined, sql)
}

it('[RST11] one whose revision is raised has what lives, and goes on behind it when the rest is deleted', () => {
  const steps = fc.array(anyStep, { minLength: 1, maxLength: 25 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 1e9 }), (history, by) => {
      const source = new Keyspace()
      history.forEach((step) => take(source, step))
      const revision = source.store.revision
      const { sql } = copyOf(source, revision, 3)
      new HistoryRestore(sql).bump(revision, by)
      const { store } = new Keyspace(() => undefined, sql)
      const living = source.store.range(rangeOf('\0', '\0'), 1e9).kvs.map(lineOf)
      const found = (at = 0) =>
        store.range(rangeOf('\0', '\0', { revision: at }), 1e9).kvs.map(lineOf)
      expect([store.revision, store.compactRevision]).toEqual([revision + by, revision + by])
      expect(() => found(revision + by - 1)).toThrow('compacted')
      expect([found(), found(revision + by)]).toEqual([living, living])
      while (store.compactSlice(undefined)) {
        // Each slice deletes a part.
      }
      expect([found(), store.keys]).toEqual([living, living.length])
      expect(finish(store.hashKv(0)).hashRevision).toBe(revision + by)
      store.put(putOf('next', 'next'))
      expect(store.revision).toBe(revision + by + 1)
      expect(new Keyspace(() => undefined, sql).store.revision).toBe(revision + by + 1)
      expect(found(revision + by)).toEqual(living)
    }),
    { numRuns: runs(100) },
  )
})

function lineOf({ key, value, ...rest }: KeyValue): string {
  const { createRevision, modRevision, version, lease } = rest
  return [crc32c(key), createRevision, modRevision, version, crc32c(value), lease].join(' ')
}

/** Of each revision that can be read up to one what there is, and what was changed. */
function observed({ store }: Keyspace, until: Revision): unknown {
  const first = Math.max(store.compactRevision, 1)
  const revisions = Array.from({ length: until - first + 1 }, (_, i) => first + i)
  return {
    ranges: revisions.map((revision) =>
      store.range(rangeOf('\0', '\0', { revision }), 1e9).kvs.map(lineOf),
    ),
    events: [...store.events(first, EVERYTHING)]
      .filter(({ kv }) => kv.modRevision <= until)
      .map((event) => {
        const previous = store.previous(event)
        return [event.type, lineOf(event.kv), previous && lineOf(previous)]
      }),
    hashes: revisions
      .filter((revision) => revision > store.compactRevision)
      .map((revision) => finish(store.hashKv(revision)).hash),
  }
}

it('[FRK1] the copy of a keyspace at any revision is what it was, and goes on as one', () => {
  const back = fc.nat(5)
  const steps = fc.array(anyStep, { minLength: 1, maxLength: 25 })
  fc.assert(
    fc.property(steps, back, fc.integer({ min: 1, max: 4 }), (history, age, rows) => {
      const source = new Keyspace()
      history.forEach((step) => take(source, step))
      const { store } = source
      const revision = Math.max(store.revision - age, store.compactRevision, 1)
      const copy = copyOf(source, revision, rows)
      expect(copy.store.revision).toBe(revision)
      expect(observed(copy, revision)).toEqual(observed(source, revision))
      expect(copy.store.keys).toBe(store.range(rangeOf('\0', '\0', { revision }), 1e9).kvs.length)
      // Another version of each key, and a compaction.
      for (const key of KEYS) {
        copy.store.put(putOf(key, 'next'))
      }
      const after = copy.store.revision
      copy.store.compact(after)
      while (copy.store.compactSlice(undefined)) {
        // Each slice deletes a part.
      }
      expect(copy.store.range(rangeOf('\0', '\0'), 1e9).kvs.map(({ version }) => version)).toEqual(
        KEYS.map((key) => {
          const [kv] = store.range(rangeOf(key, '', { revision }), 1e9).kvs
          return (kv?.version ?? 0) + 1
        }),
      )
      expect(copy.sql.all('SELECT count(*) FROM log')).toEqual([[KEYS.length]])
    }),
    { numRuns: runs(200) },
  )
})
