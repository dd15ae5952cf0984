// Histories of everything that can be in a snapshot's history.
import fc from 'fast-check'
import type { PutRequest } from '../../src/mvcc/types.ts'
import type { Keyspace } from '../auth/keyspace.ts'
import { deleteOf, putOf, putOp, txnOf } from '../mvcc/requests.ts'

export type Step =
  | { readonly kind: 'put'; readonly key: string; readonly bytes: number; readonly lease: bigint }
  | { readonly kind: 'txn'; readonly keys: readonly string[] }
  | { readonly kind: 'delete'; readonly key: string; readonly end: string }
  /** How far back, and how many slices of it are done. */
  | { readonly kind: 'compact'; readonly back: number; readonly slices: number }
  | { readonly kind: 'revoke' }

/** The one that is put with; it is for the test to grant. */
export const LEASE = 7n
export const KEYS = ['a', 'b', 'c', 'd', 'k'.repeat(5_000)] as const
const anyKey = fc.constantFrom(...KEYS)
const anyBytes = fc.oneof(
  { weight: 10, arbitrary: fc.nat(900) },
  { weight: 4, arbitrary: fc.integer({ min: 3_000, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 2_500_000 }) },
)
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
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

export function take({ store, lessor }: Keyspace, step: Step): void {
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
