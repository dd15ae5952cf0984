import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import { BrokenHistory, HistoryRestore } from '../../src/mvcc/restore.ts'
import type { Event, KeyValue } from '../../src/mvcc/types.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { putOf, rangeOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { contentOf, finish } from '../snapshot/content.ts'
import { anyStep, LEASE, take } from '../snapshot/random-history.ts'
import { stateOf } from '../snapshot/state.ts'
import { fileOf, GOLDEN_COMPACTED, goldenBytes, goldenFiles, goldenHashes } from './golden-files.ts'
import { restoredFrom } from './restored-keyspace.ts'

const EVERYTHING = { start: new Uint8Array(0), end: undefined }

const fileBytes = (keyspace: Keyspace): Buffer => contentOf(bucketsOf(stateOf(keyspace)))
const restored = (keyspace: Keyspace): Keyspace => restoredFrom(fileOf(fileBytes(keyspace)))

/** Long values would take the test's time. */
function lineOf({ key, value, ...rest }: KeyValue): string {
  const { createRevision, modRevision, version, lease } = rest
  return [crc32c(key), createRevision, modRevision, version, crc32c(value), lease].join(' ')
}

/** Of each revision that can be read what there is, by ranges, events and hashes. */
function observed({ store }: Keyspace): unknown {
  const first = Math.max(store.compactRevision, 1)
  const revisions = Array.from({ length: store.revision - first + 1 }, (_, i) => first + i)
  return {
    revision: store.revision,
    compactRevision: store.compactRevision,
    keys: store.keys,
    ranges: revisions.map((revision) => {
      const page = store.range(rangeOf('\0', '\0', { revision }), 1e9)
      return [page.count, ...page.kvs.map(lineOf)]
    }),
    events: [...store.events(first, EVERYTHING)].map((event: Event) => {
      const previous = store.previous(event)
      return [event.type, lineOf(event.kv), previous && lineOf(previous)]
    }),
    leased: store.leasedKeys(LEASE).map((key) => crc32c(key)),
  }
}

/** A compaction has its own hash of its revision, which is known until memory is lost. */
function hashes({ store }: Keyspace): readonly number[] {
  const first = Math.max(store.compactRevision + 1, 1)
  return Array.from(
    { length: store.revision - first + 1 },
    (_, i) => finish(store.hashKv(first + i)).hash,
  )
}

function compactToTheEnd({ store }: Keyspace): void {
  while (store.compactSlice(undefined)) {
    // Each slice deletes a part.
  }
}

describe('a history that is restored', () => {
  it('[SNP19] is the same in every way that can be seen, now and after whatever comes', () => {
    const anyHistory = fc.array(anyStep, { maxLength: 50, size: 'max' })
    fc.assert(
      fc.property(anyHistory, fc.array(anyStep, { maxLength: 15 }), (before, after) => {
        const keyspace = new Keyspace()
        keyspace.lessor.grant({ ID: LEASE, TTL: 60 }, NOW)
        before.forEach((step) => take(keyspace, step))
        const copy = restored(keyspace)
        expect(observed(copy)).toEqual(observed(keyspace))
        expect(hashes(copy)).toEqual(hashes(keyspace))
        expect(fileBytes(copy).equals(fileBytes(keyspace))).toBe(true)
        for (const each of [keyspace, copy]) {
          after.forEach((step) => take(each, step))
          compactToTheEnd(each)
        }
        expect(observed(copy)).toEqual(observed(keyspace))
        expect(fileBytes(copy).equals(fileBytes(keyspace))).toBe(true)
      }),
      { numRuns: runs(20) },
    )
  })

  it.each(goldenFiles)('[SNP20] of %s has the HashKV that etcd had, at each revision', (name) => {
    const { store } = restoredFrom(fileOf(goldenBytes(name)))
    expect([store.revision, store.compactRevision]).toEqual([64, GOLDEN_COMPACTED])
    const own = goldenHashes.map((_, i) => finish(store.hashKv(GOLDEN_COMPACTED + 1 + i)))
    expect(own.map(({ hash }) => hash)).toEqual(goldenHashes)
    expect(finish(store.hashKv(GOLDEN_COMPACTED)).hash).toBe(3846531738)
    store.put(putOf('more'))
    expect(store.revision).toBe(65)
  })

  it('[SNP20] whose last revisions etcd has compacted away goes on behind them', () => {
    const sql = openNodeSql()
    const history = new HistoryRestore(sql)
    history.compacted(9, true)
    const { store } = new Keyspace(() => undefined, sql)
    expect(store.revision).toBe(9)
    store.put(putOf('a'))
    expect(store.revision).toBe(10)
  })

  it('[SNP21] is refused where it is none', () => {
    const kv = { key: Buffer.from('k'), createRevision: 5, modRevision: 5, version: 1, lease: 0n }
    const put = { main: 5, sub: 0, deleted: false, kv: { ...kv, value: Buffer.alloc(0) } }
    const next = { ...put, main: 6, kv: { ...put.kv, modRevision: 6, version: 2 } }
    for (const [changes, problem] of [
      [[put, put], 'revision 5 comes behind revision 5'],
      [[next], 'revision 6 replaces a version that is not there'],
      [[put, { ...next, kv: { ...next.kv, version: 3 } }], 'revision 6 is not the next version'],
      [[put, { ...next, kv: { ...next.kv, createRevision: 4 } }], 'revision 6 is not the next'],
      [[{ ...put, deleted: true }], 'revision 5 deletes a key that is not there'],
      [
        [{ ...put, kv: { ...put.kv, key: Buffer.alloc(2_000_000) } }],
        'the key of revision 5 has 2000000 bytes',
      ],
    ] as const) {
      const all = (): void => {
        const history = new HistoryRestore(openNodeSql())
        changes.forEach((change) => history.change(change))
      }
      expect(all).toThrow(BrokenHistory)
      expect(all).toThrow(problem)
    }
  })
})
