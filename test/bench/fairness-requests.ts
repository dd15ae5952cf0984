import { encode } from '../../src/protocol/binary.ts'
import {
  CompactionRequest,
  DeleteRangeRequest,
  HashKVRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  RangeRequest,
  TxnRequest,
  WatchCreateRequest,
  WatchRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { prefixEnd } from './keys.ts'

/** A request that is as large as the limits let in. */
export interface LargeRequest {
  readonly name: string
  readonly method: string
  readonly request: Uint8Array
  /** Of a call that goes on: for how long it is read. */
  readonly seconds?: number
}

/** What there is to ask for. */
export interface Filled {
  readonly prefix: string
  /** Below which there are as many keys again. */
  readonly deleted: string
  /** Of as many keys again, elsewhere. */
  readonly lease: bigint
  /** After each key of the prefix was put once; each was put again since. */
  readonly oldRevision: number
}

const TXN_OPS = 128
/** With as many as are allowed, etcd answers for minutes. */
const LONG_OPS = 16
const FUTURE = 1_000_000_000
const WATCHED_SECONDS = 3

function txn(name: string, request: Partial<TxnRequest>): LargeRequest {
  return {
    name: `Txn: ${name}`,
    method: '/etcdserverpb.KV/Txn',
    request: encode(TxnRequest, create(TxnRequest, request)),
  }
}

/** In an order in which what deletes comes last. */
export function largeRequests(filled: Filled): readonly LargeRequest[] {
  const key = Buffer.from(filled.prefix)
  const rangeEnd = Buffer.from(prefixEnd(filled.prefix))
  const range = (options: Partial<RangeRequest>): RangeRequest =>
    create(RangeRequest, { key, rangeEnd, ...options })
  const kv = (name: string, method: string, options: Partial<RangeRequest> = {}): LargeRequest => ({
    name,
    method: `/etcdserverpb.KV/${method}`,
    request: encode(RangeRequest, range(options)),
  })
  const ops = (count: number, options: Partial<RangeRequest> = {}) =>
    Array.from({ length: count }, () => ({ requestRange: range(options) }))
  const nothing = new Uint8Array(0)
  const watch = create(WatchRequest, {
    createRequest: create(WatchCreateRequest, { key, rangeEnd, startRevision: 2, prevKv: true }),
  })
  const ofLease = { ID: filled.lease }
  return [
    kv('all keys', 'Range'),
    kv('all keys, backwards', 'Range', { sortOrder: 2 }),
    kv('all keys, by RangeStream', 'RangeStream'),
    kv('keys only', 'Range', { keysOnly: true }),
    kv('count only', 'Range', { countOnly: true }),
    kv('at an old revision', 'Range', { revision: filled.oldRevision }),
    kv('count at an old revision', 'Range', { revision: filled.oldRevision, countOnly: true }),
    kv('a filter that nothing passes', 'Range', { minModRevision: FUTURE }),
    kv('a filter with a limit', 'Range', { maxModRevision: 2, limit: 1 }),
    kv('sorted by version', 'Range', { sortTarget: 1, sortOrder: 1 }),
    kv('sorted by mod revision, backwards', 'Range', { sortTarget: 3, sortOrder: 2 }),
    kv('sorted by value', 'Range', { sortTarget: 4, sortOrder: 1 }),
    kv('sorted by value, one of them', 'Range', { sortTarget: 4, sortOrder: 2, limit: 1 }),
    txn('two ranges of all', { success: ops(2) }),
    txn('128 counts of all', { success: ops(TXN_OPS, { countOnly: true }) }),
    txn('16 ranges that nothing passes', { success: ops(LONG_OPS, { minModRevision: FUTURE }) }),
    txn('16 compares with all', {
      compare: Array.from({ length: LONG_OPS }, () => ({
        key,
        rangeEnd,
        result: 1,
        target: 0,
        version: 0,
      })),
    }),
    {
      name: 'Watch from the first revision, previous values',
      method: '/etcdserverpb.Watch/Watch',
      request: encode(WatchRequest, watch),
      seconds: WATCHED_SECONDS,
    },
    {
      name: 'HashKV',
      method: '/etcdserverpb.Maintenance/HashKV',
      request: encode(HashKVRequest, create(HashKVRequest, {})),
    },
    { name: 'Snapshot', method: '/etcdserverpb.Maintenance/Snapshot', request: nothing },
    { name: 'Defragment', method: '/etcdserverpb.Maintenance/Defragment', request: nothing },
    { name: 'UserList', method: '/etcdserverpb.Auth/UserList', request: nothing },
    { name: 'RoleList', method: '/etcdserverpb.Auth/RoleList', request: nothing },
    { name: 'LeaseLeases', method: '/etcdserverpb.Lease/LeaseLeases', request: nothing },
    {
      name: 'LeaseTimeToLive with keys',
      method: '/etcdserverpb.Lease/LeaseTimeToLive',
      request: encode(
        LeaseTimeToLiveRequest,
        create(LeaseTimeToLiveRequest, { ...ofLease, keys: true }),
      ),
    },
    {
      name: 'Compact, physical',
      method: '/etcdserverpb.KV/Compact',
      request: encode(
        CompactionRequest,
        create(CompactionRequest, { revision: 2 * filled.oldRevision, physical: true }),
      ),
    },
    {
      name: 'LeaseRevoke',
      method: '/etcdserverpb.Lease/LeaseRevoke',
      request: encode(LeaseRevokeRequest, create(LeaseRevokeRequest, ofLease)),
    },
    {
      name: 'DeleteRange with previous values',
      method: '/etcdserverpb.KV/DeleteRange',
      request: encode(
        DeleteRangeRequest,
        create(DeleteRangeRequest, { key, rangeEnd, prevKv: true }),
      ),
    },
    {
      name: 'DeleteRange',
      method: '/etcdserverpb.KV/DeleteRange',
      request: encode(
        DeleteRangeRequest,
        create(DeleteRangeRequest, {
          key: Buffer.from(filled.deleted),
          rangeEnd: Buffer.from(prefixEnd(filled.deleted)),
        }),
      ),
    },
  ]
}
