import { EngineError, type ErrorKind } from '../../src/mvcc/errors.ts'
import { boundsOf } from '../../src/mvcc/key-range.ts'
import type { RangePage } from '../../src/mvcc/range-page.ts'
import type { Sql } from '../../src/mvcc/sql.ts'
import { Store } from '../../src/mvcc/store.ts'
import type {
  Compare,
  DeleteRangeRequest,
  Event,
  KeyValue,
  LeaseId,
  OpResult,
  PutRequest,
  RangeRequest,
  RequestOp,
  Revision,
  TxnRequest,
} from '../../src/mvcc/types.ts'
import { bytes, text } from '../model-rules.ts'

export const TXN_OPS_MAX = 128

/** What a transaction told of: its revision, and its events as lines. */
export interface Told {
  readonly revision: Revision
  readonly events: readonly string[] | 'many'
}

export function openStore(sql: Sql, leases: readonly LeaseId[] = [], told: Told[] = []): Store {
  return new Store(sql, {
    txnOpsMax: TXN_OPS_MAX,
    hasLease: (lease) => leases.includes(lease),
    changed: (revision, events) =>
      told.push({ revision, events: events === 'many' ? events : events.map(eventLine) }),
  })
}

export function putOf(key: string, value = '', options: Partial<PutRequest> = {}): PutRequest {
  const defaults = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false }
  return { key: bytes(key), value: bytes(value), ...defaults, ...options }
}

export function rangeOf(
  key: string,
  rangeEnd = '',
  options: Partial<RangeRequest> = {},
): RangeRequest {
  return {
    key: bytes(key),
    rangeEnd: bytes(rangeEnd),
    limit: 0,
    revision: 0,
    sortOrder: 0,
    sortTarget: 0,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...options,
  }
}

export function deleteOf(key: string, rangeEnd = '', prevKv = false): DeleteRangeRequest {
  return { key: bytes(key), rangeEnd: bytes(rangeEnd), prevKv }
}

export function compareOf(key: string, options: Partial<Compare> = {}): Compare {
  return { key: bytes(key), rangeEnd: bytes(''), result: 0, target: 0, ...options }
}

export const putOp = (...args: Parameters<typeof putOf>): RequestOp => ({
  requestPut: putOf(...args),
})
export const rangeOp = (...args: Parameters<typeof rangeOf>): RequestOp => ({
  requestRange: rangeOf(...args),
})
export const deleteOp = (...args: Parameters<typeof deleteOf>): RequestOp => ({
  requestDeleteRange: deleteOf(...args),
})
export const txnOp = (...args: Parameters<typeof txnOf>): RequestOp => ({
  requestTxn: txnOf(...args),
})

export function txnOf(
  success: readonly RequestOp[],
  failure: readonly RequestOp[] = [],
  compare: readonly Compare[] = [],
): TxnRequest {
  return { compare, success, failure }
}

/** A version on one line: `key=value create/mod/version`, and its lease where it has one. */
export function line(kv: KeyValue): string {
  const lease = kv.lease === 0n ? '' : ` lease ${kv.lease}`
  const value = kv.value.length > 20 ? `${kv.value.length} bytes` : text(kv.value)
  return `${nameOf(kv.key)}=${value} ${kv.createRevision}/${kv.modRevision}/${kv.version}${lease}`
}

function nameOf(key: Uint8Array): string {
  return key.length > 1000 ? `${key.length} bytes` : text(key)
}

function eventLine({ type, kv }: Event): string {
  return type === 1 ? `delete ${nameOf(kv.key)} ${kv.modRevision}` : `put ${line(kv)}`
}

/** All that a range answers: its lines, `more` if there is more, and its count. */
export function answer(store: Store, request: RangeRequest): readonly (string | number)[] {
  return answerOf(store.range(request, Infinity))
}

export function answerOf({ kvs, more, count }: Omit<RangePage, 'next'>): (string | number)[] {
  return [...kvs.map(line), ...(more ? ['more'] : []), count]
}

export function lines(store: Store, options: Partial<RangeRequest> = {}): string[] {
  return store.range(rangeOf('\0', '\0', options), Infinity).kvs.map(line)
}

export function keysOf(store: Store, request: RangeRequest): string[] {
  return store.range(request, Infinity).kvs.map((kv) => text(kv.key))
}

export function eventLines(store: Store, from: Revision, key = '\0', rangeEnd = '\0'): string[] {
  const range = { key: bytes(key), rangeEnd: bytes(rangeEnd) }
  return [...store.events(from, boundsOf(range))].map(eventLine)
}

export function opLines(responses: readonly OpResult[]): unknown[] {
  return responses.map((response): unknown => {
    switch (response.kind) {
      case 'range':
        return { revision: response.revision, range: answerOf(response.range) }
      case 'put':
        return {
          revision: response.revision,
          put: response.put.prevKv && line(response.put.prevKv),
        }
      case 'delete-range':
        return { revision: response.revision, deleted: response.deleteRange.deleted }
      case 'txn':
        return opLines(response.txn.responses)
    }
  })
}

/** How the engine refuses; undefined where it does not. */
export function refusal(body: () => unknown): ErrorKind | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    if (error instanceof EngineError) {
      return error.kind
    }
    throw error
  }
}

export function numbered(prefix: string, i: number): string {
  return prefix + String(i).padStart(6, '0')
}
