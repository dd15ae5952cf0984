import fc from 'fast-check'
import type {
  Compare,
  DeleteRangeRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../../src/mvcc/types.ts'
import { bytes } from '../model-rules.ts'

/** Few keys, so that they meet; with the bytes at both ends of the order and prefixes of others. */
const KEYS = ['\0', 'a', 'a\0', 'ab', 'b', 'ba', 'c', '\xff', '\xff\xff']

export const LEASES = [1n, 7n, -(2n ** 63n)]
const UNKNOWN_LEASE = 99n

const LONG_BYTES = 769
const CUT_BYTES = 2500
/** For stores that are to cut the longest value that the requests have. */
export const CUTTING_ROW_BYTES = 1000

const anyKey = fc
  .oneof(
    { weight: 40, arbitrary: fc.constantFrom(...KEYS) },
    { weight: 1, arbitrary: fc.constant('') },
  )
  .map(bytes)

const anyEnd = fc
  .oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 2, arbitrary: fc.constant('\0') },
    { weight: 4, arbitrary: fc.constantFrom(...KEYS, 'd') },
  )
  .map(bytes)

export const anyRange: fc.Arbitrary<KeyRange> = fc.record({ key: anyKey, rangeEnd: anyEnd })

/** A value of 769 bytes is the first that the current tree does not hold. */
const anyValue = fc
  .oneof(
    { weight: 8, arbitrary: fc.constantFrom('', '\0', '1', '2', '12') },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(LONG_BYTES), 'y'.repeat(CUT_BYTES)) },
    { weight: 1, arbitrary: fc.constant('z'.repeat(LONG_BYTES - 1)) },
  )
  .map(bytes)

const anyLease = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0n) },
  { weight: 3, arbitrary: fc.constantFrom(...LEASES) },
  { weight: 1, arbitrary: fc.constant(UNKNOWN_LEASE) },
)

/**
 * Revisions are made before the history is: 1 stands for the one after the current, 2 for the
 * current one, 3 for the one before, and so on; 0 and below for themselves. See `settle`.
 */
export const anyRevision = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 2, max: 12 }) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 40 }) },
)

const anyBound = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }) },
)

const REVISIONS = new Set([
  'revision',
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
  'createRevision',
  'modRevision',
])

/** The request with the revisions that it has when the store is at `current`. */
export function settle<T>(request: T, current: number): T {
  if (Array.isArray(request)) {
    return request.map((each: unknown) => settle(each, current)) as T
  }
  if (typeof request !== 'object' || request === null || request instanceof Uint8Array) {
    return request
  }
  const entries = Object.entries(request).map(([name, value]: [string, unknown]) =>
    REVISIONS.has(name) && typeof value === 'number'
      ? [name, value <= 0 ? value : Math.max(0, current + 2 - value)]
      : [name, settle(value, current)],
  )
  return Object.fromEntries(entries) as T
}

const rarely = fc.integer({ min: 0, max: 5 }).map((n) => n === 0)

export const anyRangeRequest: fc.Arbitrary<RangeRequest> = fc
  .tuple(
    anyRange,
    fc.record({
      limit: fc.constantFrom(0, 0, 1, 2, 3, 5, -1),
      revision: anyRevision,
      sortOrder: fc.constantFrom(0, 0, 0, 1, 2),
      sortTarget: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
      serializable: fc.boolean(),
      keysOnly: rarely,
      countOnly: rarely,
      minModRevision: anyBound,
      maxModRevision: anyBound,
      minCreateRevision: anyBound,
      maxCreateRevision: anyBound,
    }),
  )
  .map(([range, options]) => ({ ...range, ...options }))

export const anyPut: fc.Arbitrary<PutRequest> = fc
  .record({
    key: anyKey,
    value: anyValue,
    lease: anyLease,
    prevKv: fc.boolean(),
    ignoreValue: rarely,
    ignoreLease: rarely,
  })
  .chain((put) =>
    // Mostly valid: an ignored value or lease is not given.
    rarely.map((wrong) => ({
      ...put,
      value: put.ignoreValue && !wrong ? bytes('') : put.value,
      lease: put.ignoreLease && !wrong ? 0n : put.lease,
    })),
  )

export const anyDelete: fc.Arbitrary<DeleteRangeRequest> = fc
  .tuple(anyRange, fc.boolean())
  .map(([range, prevKv]) => ({ ...range, prevKv }))

const anyCompare: fc.Arbitrary<Compare> = fc
  .tuple(
    anyRange,
    fc.record({
      result: fc.constantFrom(0, 0, 1, 2, 3, 4),
      target: fc.constantFrom(0, 1, 2, 3, 4, 5),
    }),
    fc.constantFrom('version', 'createRevision', 'modRevision', 'value', 'lease', 'nothing'),
    fc.tuple(fc.integer({ min: 0, max: 3 }), anyRevision, anyValue, anyLease),
  )
  .map(([range, what, member, [version, revision, value, lease]]) => {
    const members = { version, createRevision: revision, modRevision: revision, value, lease }
    return {
      ...range,
      ...what,
      ...Object.fromEntries(Object.entries(members).filter(([name]) => name === member)),
    }
  })

const { txn } = fc.letrec<{ txn: TxnRequest; op: RequestOp }>((tie) => ({
  op: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    { weight: 6, arbitrary: anyPut.map((requestPut) => ({ requestPut })) },
    { weight: 3, arbitrary: anyDelete.map((requestDeleteRange) => ({ requestDeleteRange })) },
    { weight: 4, arbitrary: anyRangeRequest.map((requestRange) => ({ requestRange })) },
    { weight: 3, arbitrary: tie('txn').map((requestTxn) => ({ requestTxn })) },
  ),
  txn: fc.record({
    compare: fc.array(anyCompare, { maxLength: 2 }),
    success: fc.array(tie('op'), { maxLength: 4 }),
    failure: fc.array(tie('op'), { maxLength: 3 }),
  }),
}))

export const anyTxn: fc.Arbitrary<TxnRequest> = txn

export const anyKeys = fc.array(fc.constantFrom(...KEYS).map(bytes), { maxLength: 4 })
