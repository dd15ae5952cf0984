import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Event, EventType, type PutRequest } from '../../src/mvcc/types.ts'
import { encode } from '../../src/protocol/binary.ts'
import { KeyValue } from '../../src/protocol/generated/messages.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { deleteOf, putOf, putOp, txnOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { type BufferedEntry, contentOf, finish, readContent } from './content.ts'
import { hashOfRows } from './etcd-hash.ts'
import { stateOf } from './state.ts'

type Step =
  | { readonly kind: 'put'; readonly key: string; readonly bytes: number; readonly lease: bigint }
  | { readonly kind: 'txn'; readonly keys: readonly string[] }
  | { readonly kind: 'delete'; readonly key: string; readonly end: string }
  /** How far back, and how many slices of it are done. */
  | { readonly kind: 'compact'; readonly back: number; readonly slices: number }
  | { readonly kind: 'revoke' }

const LEASE = 7n
const anyKey = fc.constantFrom('a', 'b', 'c', 'd', 'k'.repeat(5_000))
const anyBytes = fc.oneof(
  { weight: 10, arbitrary: fc.nat(900) },
  { weight: 4, arbitrary: fc.integer({ min: 3_000, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 2_500_000 }) },
)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: anyKey,
      bytes: anyBytes,
      lease: fc.constantFrom(0n, 0n, LEASE),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('txn' as const),
      keys: fc.uniqueArray(anyKey, { minLength: 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      key: anyKey,
      end: fc.constantFrom('', '\0'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      back: fc.nat(4),
      slices: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const) }) },
)

function take({ store, lessor }: Keyspace, step: Step): void {
  switch (step.kind) {
    case 'put': {
      const lease = lessor.has(step.lease) ? { lease: step.lease } : {}
      const put: PutRequest = putOf(step.key, '', lease)
      store.put({ ...put, value: Buffer.alloc(step.bytes, store.revision) })
      break
    }
    case 'txn':
      store.txn(txnOf(step.keys.map((key) => putOp(key, `txn ${store.revision}`))))
      break
    case 'delete':
      store.deleteRange(deleteOf(step.key, step.end))
      break
    case 'compact': {
      const revision = store.revision - step.back
      if (revision > store.compactRevision) {
        store.compact(revision)
      }
      for (let slice = 0; slice < step.slices; slice++) {
        store.compactSlice(undefined)
      }
      break
    }
    case 'revoke':
      if (lessor.has(LEASE)) {
        lessor.revoke(LEASE)
      }
      break
  }
}

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
