import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Event, EventType } from '../../src/mvcc/types.ts'
import { encode } from '../../src/protocol/binary.ts'
import { KeyValue } from '../../src/protocol/generated/messages.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { runs } from '../runs.ts'
import { type BufferedEntry, contentOf, finish, readContent } from './content.ts'
import { hashOfRows } from './etcd-hash.ts'
import { anyStep, LEASE, take } from './random-history.ts'
import { stateOf } from './state.ts'

/** What the watchers heard, as rows of etcd's bucket. */
function rowOf({ type, kv }: Event, sub: number): BufferedEntry {
  const deleted = type === EventType.DELETE
  const key = Buffer.alloc(deleted ? 18 : 17, 't')
  key.writeBigUInt64BE(BigInt(kv.modRevision), 0)
  key.write('_', 8)
  key.writeBigUInt64BE(BigInt(sub), 9)
  return { key, value: Buffer.from(encode(KeyValue, deleted ? { ...kv, modRevision: 0 } : kv)) }
}

it('[SNP2] the history of a snapshot is what the watchers heard, as far as it is kept', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), (steps) => {
      const heard: BufferedEntry[] = []
      const keyspace = new Keyspace((_, events) => {
        heard.push(...(events === 'many' ? [] : events.map(rowOf)))
      })
      keyspace.lessor.grant({ ID: LEASE, TTL: 60 }, NOW)
      steps.forEach((step) => take(keyspace, step))
      const { store } = keyspace
      const rows = readContent(contentOf(bucketsOf(stateOf(keyspace)))).get('key') ?? []
      const { compactRevision, revision } = store
      const names = new Set(rows.map(({ key }) => key.toString('hex')))
      const kept = heard.filter(({ key }) => names.has(key.toString('hex')))
      expect(rows.map(({ key }) => key)).toEqual(kept.map(({ key }) => key))
      expect(rows.every(({ value }, i) => kept[i]?.value.equals(value))).toBe(true)
      const recent = heard.filter(({ key }) => Number(key.readBigUInt64BE(0)) > compactRevision)
      expect(kept.slice(kept.length - recent.length).map(({ key }) => key)).toEqual(
        recent.map(({ key }) => key),
      )
      // The hash is that of a store that is compacted to the end, and not one remembered from before.
      const hash = finish(store.hashKv(revision))
      const comparable = hash.compactRevision === compactRevision && !store.compactionPending
      const own = hashOfRows(rows, revision, compactRevision)
      expect(comparable ? own : hash.hash).toBe(hash.hash)
    }),
    { numRuns: runs(40) },
  )
})
