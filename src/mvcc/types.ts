/**
 * The store's own vocabulary: etcd's nouns, free of any wire format. The codecs of `protocol/`
 * produce requests of these shapes, which is why optional numbers are plain zeros here, as in
 * proto3, and bytes are `Uint8Array`.
 */

/** The number of a committed transaction: 1 is the empty store; always a safe integer. */
export type Revision = number

/** An int64: a number where that is exact, so that each has one representation. */
export type WatchId = number | bigint

/** An int64 that the client may choose; 0 means no lease. */
export type LeaseId = bigint

export const NO_LEASE: LeaseId = 0n

/** One version of one key. `lease` is NO_LEASE when there is none. */
export interface KeyValue {
  readonly key: Uint8Array
  readonly createRevision: Revision
  readonly modRevision: Revision
  readonly version: number
  readonly value: Uint8Array
  readonly lease: LeaseId
}

/** What is known of bytes that are not read. */
export interface Length {
  readonly length: number
}

/** A version of which the value may be a length only. */
export type Sized = Omit<KeyValue, 'value'> & { readonly value: Length }

/**
 * The keys that a request speaks of, as etcd encodes them: an empty `rangeEnd` is the one key,
 * a single zero byte is every key from `key` on, anything else is the half-open [key, rangeEnd).
 */
export interface KeyRange {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
}

export const SortOrder = { NONE: 0, ASCEND: 1, DESCEND: 2 } as const
export const SortTarget = { KEY: 0, VERSION: 1, CREATE: 2, MOD: 3, VALUE: 4 } as const
export const CompareResult = { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 } as const
export const CompareTarget = { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } as const
export const EventType = { PUT: 0, DELETE: 1 } as const
export const FilterType = { NOPUT: 0, NODELETE: 1 } as const

/** `limit` ≤ 0 is no limit; `revision` ≤ 0 is the current one; a zero filter is off. */
export interface RangeRequest extends KeyRange {
  readonly limit: number
  readonly revision: Revision
  readonly sortOrder: number
  readonly sortTarget: number
  readonly serializable: boolean
  readonly keysOnly: boolean
  readonly countOnly: boolean
  readonly minModRevision: Revision
  readonly maxModRevision: Revision
  readonly minCreateRevision: Revision
  readonly maxCreateRevision: Revision
}

/** `count` is that of the whole range at the revision, whatever limit and filters say. */
export interface RangeResult {
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
  readonly count: number
}

export interface PutRequest {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly lease: LeaseId
  readonly prevKv: boolean
  readonly ignoreValue: boolean
  readonly ignoreLease: boolean
}

export interface PutResult {
  readonly prevKv: KeyValue | undefined
}

export interface DeleteRangeRequest extends KeyRange {
  readonly prevKv: boolean
}

export interface DeleteRangeResult {
  readonly deleted: number
  readonly prevKvs: readonly KeyValue[]
}

/** At most one of the five targets' values is set; an unset one compares as zero or empty. */
export interface Compare extends KeyRange {
  readonly result: number
  readonly target: number
  readonly version?: number | undefined
  readonly createRevision?: Revision | undefined
  readonly modRevision?: Revision | undefined
  readonly value?: Uint8Array | undefined
  readonly lease?: LeaseId | undefined
}

/** One of the four, or none of them, which is a client's mistake that etcd names. */
export interface RequestOp {
  readonly requestRange?: RangeRequest | undefined
  readonly requestPut?: PutRequest | undefined
  readonly requestDeleteRange?: DeleteRangeRequest | undefined
  readonly requestTxn?: TxnRequest | undefined
}

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

/** The answers stand in the order of the branch's operations. */
export type OpResult =
  | { readonly kind: 'range'; readonly revision: Revision; readonly range: RangeResult }
  | { readonly kind: 'put'; readonly revision: Revision; readonly put: PutResult }
  | {
      readonly kind: 'delete-range'
      readonly revision: Revision
      readonly deleteRange: DeleteRangeResult
    }
  | { readonly kind: 'txn'; readonly txn: TxnResult }

export interface TxnResult {
  readonly succeeded: boolean
  readonly responses: readonly OpResult[]
}

/** Where a change stands in the log: the sub-th change of transaction `main`. */
export interface ChangeId {
  readonly main: Revision
  readonly sub: number
}

/**
 * `prevKv` is undefined for a creation, and for a version that compaction has taken away;
 * `replaced` says where the log keeps the version before, so that only those who want it load it.
 */
export interface Event {
  readonly replaced?: ChangeId | undefined
  readonly type: number
  readonly kv: KeyValue
  readonly prevKv: KeyValue | undefined
}
