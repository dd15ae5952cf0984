import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BucketEntry } from '../../src/etcd-file/etcd-file.ts'
import { HistoryEntries } from '../../src/etcd-file/history-entries.ts'
import { recordOf } from '../../src/etcd-file/record.ts'
import { compactionEntry, stateOfFile } from '../../src/etcd-file/state-entries.ts'
import { statusOfFile } from '../../src/etcd-file/status.ts'
import { ChangesSum } from '../../src/mvcc/changes-sum.ts'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import { HistoryRestore } from '../../src/mvcc/restore.ts'
import type { Sql } from '../../src/mvcc/sql.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import { Event } from '../../src/protocol/generated/messages.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { putOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { contentOf, finish } from '../snapshot/content.ts'
import { anyStep, LEASE, type Step, take } from '../snapshot/random-history.ts'
import { stateOf } from '../snapshot/state.ts'
import { fileOf } from './golden-files.ts'

const EVERYTHING = { start: new Uint8Array(0), end: undefined }

/** What a watch on everything says from a revision on, as it comes over the wire. */
const watched = ({ store }: Keyspace, from: number): readonly Event[] =>
  [...store.events(from, EVERYTHING)].map(({ type, kv }) =>
    decode(Event, encode(Event, { type, kv })),
  )

function write(history: HistoryRestore, entry: BucketEntry): void {
  const record = recordOf(entry)
  if (record.kind === 'change') {
    history.change(record.change)
  } else if (record.kind === 'compaction') {
    history.compacted(record.revision, record.finished)
  }
}

function sumOf(sql: Sql, sum = new ChangesSum()): number {
  finish(sum.catchUp(sql))
  return sum.checksum
}

/** A keyspace with that history, and its copy by a snapshot in the midst of it. */
function copied(before: readonly Step[], after: readonly Step[]): readonly [Keyspace, Keyspace] {
  const source = new Keyspace()
  source.lessor.grant({ ID: LEASE, TTL: 60 }, NOW)
  before.forEach((step) => take(source, step))
  const sql = openNodeSql()
  const history = new HistoryRestore(sql)
  const file = fileOf(contentOf(bucketsOf(stateOf(source))))
  for (const entry of [...file.entries('meta'), ...file.entries('key')]) {
    write(history, entry)
  }
  const { changesSum } = statusOfFile(file)
  const sum = new ChangesSum()
  expect(sumOf(sql, sum)).toBe(changesSum)
  const entries = new HistoryEntries({ revision: source.store.revision, changesSum })
  let seen = source.store.revision
  for (const step of after) {
    take(source, step)
    watched(source, seen + 1).forEach((event) => write(history, entries.entryOf(event)))
    seen = source.store.revision
  }
  expect(entries.point).toEqual({ revision: seen, changesSum: sumOf(sql, sum) })
  expect(sumOf(sql)).toBe(sum.checksum)
  const { compactRevision } = source.store
  if (compactRevision > stateOfFile(file).compactRevision) {
    // A cut-over that was tried before has told of less.
    write(history, compactionEntry(Math.max(compactRevision - 1, 0)))
    write(history, compactionEntry(compactRevision))
  }
  return [source, new Keyspace(() => undefined, sql)]
}

function hashes({ store }: Keyspace): readonly number[] {
  const first = Math.max(store.compactRevision + 1, 1)
  return Array.from(
    { length: store.revision - first + 1 },
    (_, i) => finish(store.hashKv(first + i)).hash,
  )
}

function changes({ store }: Keyspace): readonly string[] {
  while (store.compactSlice(undefined)) {
    // Each slice deletes a part.
  }
  return [...store.changes(store.revision)].map(({ main, sub, deleted, kv }) =>
    [
      main,
      sub,
      deleted,
      crc32c(kv.key),
      kv.createRevision,
      kv.version,
      crc32c(kv.value),
      kv.lease,
    ].join(' '),
  )
}

describe('a history that is followed', () => {
  it('[MOV1] [MOV2] is the source’s: changes, hashes, sums, and what is left of it when it is compacted', () => {
    const anySteps = fc.array(anyStep, { maxLength: 25, size: 'max' })
    fc.assert(
      fc.property(anySteps, anySteps, (before, after) => {
        const [source, copy] = copied(before, after)
        expect(copy.store.revision).toBe(source.store.revision)
        expect(copy.store.compactRevision).toBe(source.store.compactRevision)
        expect(hashes(copy)).toEqual(hashes(source))
        expect(changes(copy)).toEqual(changes(source))
      }),
      { numRuns: runs(25) },
    )
  })

  it('[MOV1] is refused where an event is behind a later one', () => {
    const source = new Keyspace()
    source.store.put(putOf('a'))
    source.store.put(putOf('b'))
    const [first, second] = watched(source, 2)
    const entries = new HistoryEntries({ revision: 1, changesSum: 0 })
    expect(recordOf(entries.entryOf(second as Event))).toMatchObject({
      change: { main: 3, sub: 0 },
    })
    expect(() => entries.entryOf(first as Event)).toThrow('tells of revision 2 behind revision 3')
  })
})
