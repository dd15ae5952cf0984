import fc from 'fast-check'
import type {
  DeleteRangeRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../src/mvcc/types.ts'
import { bytes } from '../model-rules.ts'
import {
  anyDelete,
  anyKeys,
  anyPut,
  anyRange,
  anyRangeRequest,
  anyRevision,
  anyTxn,
} from './random-requests.ts'
import { numbered } from './requests.ts'

export type Step =
  | { readonly do: 'put'; readonly request: PutRequest }
  | { readonly do: 'deleteRange'; readonly request: DeleteRangeRequest }
  | { readonly do: 'txn'; readonly request: TxnRequest }
  | { readonly do: 'deleteKeys'; readonly keys: readonly Uint8Array[] }
  | { readonly do: 'range'; readonly request: RangeRequest }
  | { readonly do: 'open'; readonly request: RangeRequest; readonly bytesMax: number }
  | { readonly do: 'page'; readonly pick: number; readonly bytesMax: number }
  | { readonly do: 'compact'; readonly revision: number }
  | { readonly do: 'slice' }
  | { readonly do: 'hash'; readonly revision: number }
  | { readonly do: 'reopen' }
  | { readonly do: 'events'; readonly revision: number; readonly range: KeyRange }

export const ALL: KeyRange = { key: bytes('\0'), rangeEnd: bytes('\0') }

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('put'), request: anyPut }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deleteRange'), request: anyDelete }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('txn'), request: anyTxn }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteKeys'), keys: anyKeys }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('range'), request: anyRangeRequest }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('open'),
      request: anyRangeRequest,
      bytesMax: fc.constantFrom(0, 1, 2, 4, 800),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('page'),
      pick: fc.nat(9),
      bytesMax: fc.constantFrom(0, 1, 2, 4, 800),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact'), revision: anyRevision }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('slice') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hash'), revision: anyRevision }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('events'), revision: anyRevision, range: anyRange }),
  },
) as fc.Arbitrary<Step>

const anyLongKey = fc.nat(299).map((i) => bytes(numbered('k', i)))
const anyLongRange = fc
  .tuple(fc.nat(299), fc.nat(20))
  .map(([i, n]) => ({ key: bytes(numbered('k', i)), rangeEnd: bytes(numbered('k', i + n)) }))

/** Many changes of many keys, so that a read has several pieces and a compaction several slices. */
export const anyLongStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc
      .tuple(anyPut, anyLongKey)
      .map(([put, name]) => ({ do: 'put', request: { ...put, key: name } })),
  },
  {
    weight: 4,
    arbitrary: anyLongRange.map((range) => ({
      do: 'deleteRange',
      request: { ...range, prevKv: false },
    })),
  },
  {
    weight: 3,
    arbitrary: anyRangeRequest.map((request) => ({
      do: 'open',
      request: { ...request, ...ALL },
      bytesMax: 100,
    })),
  },
  { weight: 12, arbitrary: fc.nat(9).map((pick) => ({ do: 'page', pick, bytesMax: 800 })) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 2, max: 800 }).map((revision) => ({ do: 'compact', revision })),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'slice' }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' }) },
) as fc.Arbitrary<Step>
