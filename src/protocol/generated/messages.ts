// Written by src/protocol/generate.ts from src/protocol/proto. Do not edit.

import { emptyBytes } from '../bytes.ts'
import type { MessageType } from '../message-type.ts'

export const EventType = { PUT: 0, DELETE: 1 } as const

export const PermissionType = { READ: 0, WRITE: 1, READWRITE: 2 } as const

export const SortOrder = { NONE: 0, ASCEND: 1, DESCEND: 2 } as const

export const SortTarget = { KEY: 0, VERSION: 1, CREATE: 2, MOD: 3, VALUE: 4 } as const

export const CompareResult = { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 } as const

export const CompareTarget = { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } as const

export const FilterType = { NOPUT: 0, NODELETE: 1 } as const

export const AlarmType = { NONE: 0, NOSPACE: 1, CORRUPT: 2 } as const

export const AlarmAction = { GET: 0, ACTIVATE: 1, DEACTIVATE: 2 } as const

export const DowngradeAction = { VALIDATE: 0, ENABLE: 1, CANCEL: 2 } as const

export interface KeyValue {
  readonly key: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly value: Uint8Array
  readonly lease: bigint
}

export const KeyValue: MessageType<KeyValue> = {
  name: 'mvccpb.KeyValue',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
    { number: 2, name: 'create_revision', property: 'createRevision', kind: 'int64' },
    { number: 3, name: 'mod_revision', property: 'modRevision', kind: 'int64' },
    { number: 4, name: 'version', property: 'version', kind: 'int64' },
    { number: 5, name: 'value', property: 'value', kind: 'bytes' },
    { number: 6, name: 'lease', property: 'lease', kind: 'int64-id' },
  ],
  empty: () => ({
    key: emptyBytes,
    createRevision: 0,
    modRevision: 0,
    version: 0,
    value: emptyBytes,
    lease: 0n,
  }),
}

export interface Event {
  readonly type: number
  readonly kv?: KeyValue | undefined
  readonly prevKv?: KeyValue | undefined
}

export const Event: MessageType<Event> = {
  name: 'mvccpb.Event',
  fields: [
    { number: 1, name: 'type', property: 'type', kind: 'enum', enum: EventType },
    { number: 2, name: 'kv', property: 'kv', kind: 'message', message: () => KeyValue },
    { number: 3, name: 'prev_kv', property: 'prevKv', kind: 'message', message: () => KeyValue },
  ],
  empty: () => ({
    type: 0,
    kv: undefined,
    prevKv: undefined,
  }),
}

export interface UserAddOptions {
  readonly noPassword: boolean
}

export const UserAddOptions: MessageType<UserAddOptions> = {
  name: 'authpb.UserAddOptions',
  fields: [
    { number: 1, name: 'no_password', property: 'noPassword', kind: 'bool' },
  ],
  empty: () => ({
    noPassword: false,
  }),
}

export interface User {
  readonly name: Uint8Array
  readonly password: Uint8Array
  readonly roles: readonly string[]
  readonly options?: UserAddOptions | undefined
}

export const User: MessageType<User> = {
  name: 'authpb.User',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
    { number: 2, name: 'password', property: 'password', kind: 'bytes' },
    { number: 3, name: 'roles', property: 'roles', kind: 'string', repeated: true },
    {
      number: 4,
      name: 'options',
      property: 'options',
      kind: 'message',
      message: () => UserAddOptions,
    },
  ],
  empty: () => ({
    name: emptyBytes,
    password: emptyBytes,
    roles: [],
    options: undefined,
  }),
}

export interface Permission {
  readonly permType: number
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
}

export const Permission: MessageType<Permission> = {
  name: 'authpb.Permission',
  fields: [
    { number: 1, name: 'permType', property: 'permType', kind: 'enum', enum: PermissionType },
    { number: 2, name: 'key', property: 'key', kind: 'bytes' },
    { number: 3, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
  ],
  empty: () => ({
    permType: 0,
    key: emptyBytes,
    rangeEnd: emptyBytes,
  }),
}

export interface Role {
  readonly name: Uint8Array
  readonly keyPermission: readonly Permission[]
}

export const Role: MessageType<Role> = {
  name: 'authpb.Role',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
    {
      number: 2,
      name: 'keyPermission',
      property: 'keyPermission',
      kind: 'message',
      message: () => Permission,
      repeated: true,
    },
  ],
  empty: () => ({
    name: emptyBytes,
    keyPermission: [],
  }),
}

export interface Lease {
  readonly ID: bigint
  readonly TTL: number
  readonly RemainingTTL: number
}

export const Lease: MessageType<Lease> = {
  name: 'leasepb.Lease',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'int64-id' },
    { number: 2, name: 'TTL', property: 'TTL', kind: 'int64' },
    { number: 3, name: 'RemainingTTL', property: 'RemainingTTL', kind: 'int64' },
  ],
  empty: () => ({
    ID: 0n,
    TTL: 0,
    RemainingTTL: 0,
  }),
}

export interface ResponseHeader {
  readonly clusterId: bigint
  readonly memberId: bigint
  readonly revision: number
  readonly raftTerm: number
}

export const ResponseHeader: MessageType<ResponseHeader> = {
  name: 'etcdserverpb.ResponseHeader',
  fields: [
    { number: 1, name: 'cluster_id', property: 'clusterId', kind: 'uint64-id' },
    { number: 2, name: 'member_id', property: 'memberId', kind: 'uint64-id' },
    { number: 3, name: 'revision', property: 'revision', kind: 'int64' },
    { number: 4, name: 'raft_term', property: 'raftTerm', kind: 'uint64' },
  ],
  empty: () => ({
    clusterId: 0n,
    memberId: 0n,
    revision: 0,
    raftTerm: 0,
  }),
}

export interface RangeRequest {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
  readonly limit: number
  readonly revision: number
  readonly sortOrder: number
  readonly sortTarget: number
  readonly serializable: boolean
  readonly keysOnly: boolean
  readonly countOnly: boolean
  readonly minModRevision: number
  readonly maxModRevision: number
  readonly minCreateRevision: number
  readonly maxCreateRevision: number
}

export const RangeRequest: MessageType<RangeRequest> = {
  name: 'etcdserverpb.RangeRequest',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
    { number: 2, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
    { number: 3, name: 'limit', property: 'limit', kind: 'int64' },
    { number: 4, name: 'revision', property: 'revision', kind: 'int64' },
    { number: 5, name: 'sort_order', property: 'sortOrder', kind: 'enum', enum: SortOrder },
    { number: 6, name: 'sort_target', property: 'sortTarget', kind: 'enum', enum: SortTarget },
    { number: 7, name: 'serializable', property: 'serializable', kind: 'bool' },
    { number: 8, name: 'keys_only', property: 'keysOnly', kind: 'bool' },
    { number: 9, name: 'count_only', property: 'countOnly', kind: 'bool' },
    { number: 10, name: 'min_mod_revision', property: 'minModRevision', kind: 'int64' },
    { number: 11, name: 'max_mod_revision', property: 'maxModRevision', kind: 'int64' },
    { number: 12, name: 'min_create_revision', property: 'minCreateRevision', kind: 'int64' },
    { number: 13, name: 'max_create_revision', property: 'maxCreateRevision', kind: 'int64' },
  ],
  empty: () => ({
    key: emptyBytes,
    rangeEnd: emptyBytes,
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
  }),
}

export interface RangeResponse {
  readonly header?: ResponseHeader | undefined
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
  readonly count: number
}

export const RangeResponse: MessageType<RangeResponse> = {
  name: 'etcdserverpb.RangeResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'kvs',
      property: 'kvs',
      kind: 'message',
      message: () => KeyValue,
      repeated: true,
    },
    { number: 3, name: 'more', property: 'more', kind: 'bool' },
    { number: 4, name: 'count', property: 'count', kind: 'int64' },
  ],
  empty: () => ({
    header: undefined,
    kvs: [],
    more: false,
    count: 0,
  }),
}

export interface RangeStreamResponse {
  readonly rangeResponse?: RangeResponse | undefined
}

export const RangeStreamResponse: MessageType<RangeStreamResponse> = {
  name: 'etcdserverpb.RangeStreamResponse',
  fields: [
    {
      number: 1,
      name: 'range_response',
      property: 'rangeResponse',
      kind: 'message',
      message: () => RangeResponse,
    },
  ],
  empty: () => ({
    rangeResponse: undefined,
  }),
}

export interface PutRequest {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly lease: bigint
  readonly prevKv: boolean
  readonly ignoreValue: boolean
  readonly ignoreLease: boolean
}

export const PutRequest: MessageType<PutRequest> = {
  name: 'etcdserverpb.PutRequest',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
    { number: 2, name: 'value', property: 'value', kind: 'bytes' },
    { number: 3, name: 'lease', property: 'lease', kind: 'int64-id' },
    { number: 4, name: 'prev_kv', property: 'prevKv', kind: 'bool' },
    { number: 5, name: 'ignore_value', property: 'ignoreValue', kind: 'bool' },
    { number: 6, name: 'ignore_lease', property: 'ignoreLease', kind: 'bool' },
  ],
  empty: () => ({
    key: emptyBytes,
    value: emptyBytes,
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  }),
}

export interface PutResponse {
  readonly header?: ResponseHeader | undefined
  readonly prevKv?: KeyValue | undefined
}

export const PutResponse: MessageType<PutResponse> = {
  name: 'etcdserverpb.PutResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'prev_kv', property: 'prevKv', kind: 'message', message: () => KeyValue },
  ],
  empty: () => ({
    header: undefined,
    prevKv: undefined,
  }),
}

export interface DeleteRangeRequest {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
  readonly prevKv: boolean
}

export const DeleteRangeRequest: MessageType<DeleteRangeRequest> = {
  name: 'etcdserverpb.DeleteRangeRequest',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
    { number: 2, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
    { number: 3, name: 'prev_kv', property: 'prevKv', kind: 'bool' },
  ],
  empty: () => ({
    key: emptyBytes,
    rangeEnd: emptyBytes,
    prevKv: false,
  }),
}

export interface DeleteRangeResponse {
  readonly header?: ResponseHeader | undefined
  readonly deleted: number
  readonly prevKvs: readonly KeyValue[]
}

export const DeleteRangeResponse: MessageType<DeleteRangeResponse> = {
  name: 'etcdserverpb.DeleteRangeResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'deleted', property: 'deleted', kind: 'int64' },
    {
      number: 3,
      name: 'prev_kvs',
      property: 'prevKvs',
      kind: 'message',
      message: () => KeyValue,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    deleted: 0,
    prevKvs: [],
  }),
}

export interface RequestOp {
  readonly requestRange?: RangeRequest | undefined
  readonly requestPut?: PutRequest | undefined
  readonly requestDeleteRange?: DeleteRangeRequest | undefined
  readonly requestTxn?: TxnRequest | undefined
}

export const RequestOp: MessageType<RequestOp> = {
  name: 'etcdserverpb.RequestOp',
  fields: [
    {
      number: 1,
      name: 'request_range',
      property: 'requestRange',
      kind: 'message',
      message: () => RangeRequest,
      oneof: 'etcdserverpb.RequestOp.request',
    },
    {
      number: 2,
      name: 'request_put',
      property: 'requestPut',
      kind: 'message',
      message: () => PutRequest,
      oneof: 'etcdserverpb.RequestOp.request',
    },
    {
      number: 3,
      name: 'request_delete_range',
      property: 'requestDeleteRange',
      kind: 'message',
      message: () => DeleteRangeRequest,
      oneof: 'etcdserverpb.RequestOp.request',
    },
    {
      number: 4,
      name: 'request_txn',
      property: 'requestTxn',
      kind: 'message',
      message: () => TxnRequest,
      oneof: 'etcdserverpb.RequestOp.request',
    },
  ],
  empty: () => ({
    requestRange: undefined,
    requestPut: undefined,
    requestDeleteRange: undefined,
    requestTxn: undefined,
  }),
}

export interface ResponseOp {
  readonly responseRange?: RangeResponse | undefined
  readonly responsePut?: PutResponse | undefined
  readonly responseDeleteRange?: DeleteRangeResponse | undefined
  readonly responseTxn?: TxnResponse | undefined
}

export const ResponseOp: MessageType<ResponseOp> = {
  name: 'etcdserverpb.ResponseOp',
  fields: [
    {
      number: 1,
      name: 'response_range',
      property: 'responseRange',
      kind: 'message',
      message: () => RangeResponse,
      oneof: 'etcdserverpb.ResponseOp.response',
    },
    {
      number: 2,
      name: 'response_put',
      property: 'responsePut',
      kind: 'message',
      message: () => PutResponse,
      oneof: 'etcdserverpb.ResponseOp.response',
    },
    {
      number: 3,
      name: 'response_delete_range',
      property: 'responseDeleteRange',
      kind: 'message',
      message: () => DeleteRangeResponse,
      oneof: 'etcdserverpb.ResponseOp.response',
    },
    {
      number: 4,
      name: 'response_txn',
      property: 'responseTxn',
      kind: 'message',
      message: () => TxnResponse,
      oneof: 'etcdserverpb.ResponseOp.response',
    },
  ],
  empty: () => ({
    responseRange: undefined,
    responsePut: undefined,
    responseDeleteRange: undefined,
    responseTxn: undefined,
  }),
}

export interface Compare {
  readonly result: number
  readonly target: number
  readonly key: Uint8Array
  readonly version?: number | undefined
  readonly createRevision?: number | undefined
  readonly modRevision?: number | undefined
  readonly value?: Uint8Array | undefined
  readonly lease?: bigint | undefined
  readonly rangeEnd: Uint8Array
}

export const Compare: MessageType<Compare> = {
  name: 'etcdserverpb.Compare',
  fields: [
    { number: 1, name: 'result', property: 'result', kind: 'enum', enum: CompareResult },
    { number: 2, name: 'target', property: 'target', kind: 'enum', enum: CompareTarget },
    { number: 3, name: 'key', property: 'key', kind: 'bytes' },
    {
      number: 4,
      name: 'version',
      property: 'version',
      kind: 'int64',
      oneof: 'etcdserverpb.Compare.target_union',
    },
    {
      number: 5,
      name: 'create_revision',
      property: 'createRevision',
      kind: 'int64',
      oneof: 'etcdserverpb.Compare.target_union',
    },
    {
      number: 6,
      name: 'mod_revision',
      property: 'modRevision',
      kind: 'int64',
      oneof: 'etcdserverpb.Compare.target_union',
    },
    {
      number: 7,
      name: 'value',
      property: 'value',
      kind: 'bytes',
      oneof: 'etcdserverpb.Compare.target_union',
    },
    {
      number: 8,
      name: 'lease',
      property: 'lease',
      kind: 'int64-id',
      oneof: 'etcdserverpb.Compare.target_union',
    },
    { number: 64, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
  ],
  empty: () => ({
    result: 0,
    target: 0,
    key: emptyBytes,
    version: undefined,
    createRevision: undefined,
    modRevision: undefined,
    value: undefined,
    lease: undefined,
    rangeEnd: emptyBytes,
  }),
}

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export const TxnRequest: MessageType<TxnRequest> = {
  name: 'etcdserverpb.TxnRequest',
  fields: [
    {
      number: 1,
      name: 'compare',
      property: 'compare',
      kind: 'message',
      message: () => Compare,
      repeated: true,
    },
    {
      number: 2,
      name: 'success',
      property: 'success',
      kind: 'message',
      message: () => RequestOp,
      repeated: true,
    },
    {
      number: 3,
      name: 'failure',
      property: 'failure',
      kind: 'message',
      message: () => RequestOp,
      repeated: true,
    },
  ],
  empty: () => ({
    compare: [],
    success: [],
    failure: [],
  }),
}

export interface TxnResponse {
  readonly header?: ResponseHeader | undefined
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp[]
}

export const TxnResponse: MessageType<TxnResponse> = {
  name: 'etcdserverpb.TxnResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'succeeded', property: 'succeeded', kind: 'bool' },
    {
      number: 3,
      name: 'responses',
      property: 'responses',
      kind: 'message',
      message: () => ResponseOp,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    succeeded: false,
    responses: [],
  }),
}

export interface CompactionRequest {
  readonly revision: number
  readonly physical: boolean
}

export const CompactionRequest: MessageType<CompactionRequest> = {
  name: 'etcdserverpb.CompactionRequest',
  fields: [
    { number: 1, name: 'revision', property: 'revision', kind: 'int64' },
    { number: 2, name: 'physical', property: 'physical', kind: 'bool' },
  ],
  empty: () => ({
    revision: 0,
    physical: false,
  }),
}

export interface CompactionResponse {
  readonly header?: ResponseHeader | undefined
}

export const CompactionResponse: MessageType<CompactionResponse> = {
  name: 'etcdserverpb.CompactionResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface WatchRequest {
  readonly createRequest?: WatchCreateRequest | undefined
  readonly cancelRequest?: WatchCancelRequest | undefined
  readonly progressRequest?: WatchProgressRequest | undefined
}

export const WatchRequest: MessageType<WatchRequest> = {
  name: 'etcdserverpb.WatchRequest',
  fields: [
    {
      number: 1,
      name: 'create_request',
      property: 'createRequest',
      kind: 'message',
      message: () => WatchCreateRequest,
      oneof: 'etcdserverpb.WatchRequest.request_union',
    },
    {
      number: 2,
      name: 'cancel_request',
      property: 'cancelRequest',
      kind: 'message',
      message: () => WatchCancelRequest,
      oneof: 'etcdserverpb.WatchRequest.request_union',
    },
    {
      number: 3,
      name: 'progress_request',
      property: 'progressRequest',
      kind: 'message',
      message: () => WatchProgressRequest,
      oneof: 'etcdserverpb.WatchRequest.request_union',
    },
  ],
  empty: () => ({
    createRequest: undefined,
    cancelRequest: undefined,
    progressRequest: undefined,
  }),
}

export interface WatchCreateRequest {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
  readonly startRevision: number
  readonly progressNotify: boolean
  readonly filters: readonly number[]
  readonly prevKv: boolean
  readonly watchId: number | bigint
  readonly fragment: boolean
}

export const WatchCreateRequest: MessageType<WatchCreateRequest> = {
  name: 'etcdserverpb.WatchCreateRequest',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
    { number: 2, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
    { number: 3, name: 'start_revision', property: 'startRevision', kind: 'int64' },
    { number: 4, name: 'progress_notify', property: 'progressNotify', kind: 'bool' },
    {
      number: 5,
      name: 'filters',
      property: 'filters',
      kind: 'enum',
      enum: FilterType,
      repeated: true,
    },
    { number: 6, name: 'prev_kv', property: 'prevKv', kind: 'bool' },
    { number: 7, name: 'watch_id', property: 'watchId', kind: 'int64-wide' },
    { number: 8, name: 'fragment', property: 'fragment', kind: 'bool' },
  ],
  empty: () => ({
    key: emptyBytes,
    rangeEnd: emptyBytes,
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0,
    fragment: false,
  }),
}

export interface WatchCancelRequest {
  readonly watchId: number | bigint
}

export const WatchCancelRequest: MessageType<WatchCancelRequest> = {
  name: 'etcdserverpb.WatchCancelRequest',
  fields: [
    { number: 1, name: 'watch_id', property: 'watchId', kind: 'int64-wide' },
  ],
  empty: () => ({
    watchId: 0,
  }),
}

export interface WatchProgressRequest {}

export const WatchProgressRequest: MessageType<WatchProgressRequest> = {
  name: 'etcdserverpb.WatchProgressRequest',
  fields: [],
  empty: () => ({}),
}

export interface WatchResponse {
  readonly header?: ResponseHeader | undefined
  readonly watchId: number | bigint
  readonly created: boolean
  readonly canceled: boolean
  readonly compactRevision: number
  readonly cancelReason: string
  readonly fragment: boolean
  readonly events: readonly Event[]
}

export const WatchResponse: MessageType<WatchResponse> = {
  name: 'etcdserverpb.WatchResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'watch_id', property: 'watchId', kind: 'int64-wide' },
    { number: 3, name: 'created', property: 'created', kind: 'bool' },
    { number: 4, name: 'canceled', property: 'canceled', kind: 'bool' },
    { number: 5, name: 'compact_revision', property: 'compactRevision', kind: 'int64' },
    { number: 6, name: 'cancel_reason', property: 'cancelReason', kind: 'string' },
    { number: 7, name: 'fragment', property: 'fragment', kind: 'bool' },
    {
      number: 11,
      name: 'events',
      property: 'events',
      kind: 'message',
      message: () => Event,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    watchId: 0,
    created: false,
    canceled: false,
    compactRevision: 0,
    cancelReason: '',
    fragment: false,
    events: [],
  }),
}

export interface LeaseGrantRequest {
  readonly TTL: number
  readonly ID: bigint
}

export const LeaseGrantRequest: MessageType<LeaseGrantRequest> = {
  name: 'etcdserverpb.LeaseGrantRequest',
  fields: [
    { number: 1, name: 'TTL', property: 'TTL', kind: 'int64' },
    { number: 2, name: 'ID', property: 'ID', kind: 'int64-id' },
  ],
  empty: () => ({
    TTL: 0,
    ID: 0n,
  }),
}

export interface LeaseGrantResponse {
  readonly header?: ResponseHeader | undefined
  readonly ID: bigint
  readonly TTL: number
  readonly error: string
}

export const LeaseGrantResponse: MessageType<LeaseGrantResponse> = {
  name: 'etcdserverpb.LeaseGrantResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'ID', property: 'ID', kind: 'int64-id' },
    { number: 3, name: 'TTL', property: 'TTL', kind: 'int64' },
    { number: 4, name: 'error', property: 'error', kind: 'string' },
  ],
  empty: () => ({
    header: undefined,
    ID: 0n,
    TTL: 0,
    error: '',
  }),
}

export interface LeaseRevokeRequest {
  readonly ID: bigint
}

export const LeaseRevokeRequest: MessageType<LeaseRevokeRequest> = {
  name: 'etcdserverpb.LeaseRevokeRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'int64-id' },
  ],
  empty: () => ({
    ID: 0n,
  }),
}

export interface LeaseRevokeResponse {
  readonly header?: ResponseHeader | undefined
}

export const LeaseRevokeResponse: MessageType<LeaseRevokeResponse> = {
  name: 'etcdserverpb.LeaseRevokeResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface LeaseKeepAliveRequest {
  readonly ID: bigint
}

export const LeaseKeepAliveRequest: MessageType<LeaseKeepAliveRequest> = {
  name: 'etcdserverpb.LeaseKeepAliveRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'int64-id' },
  ],
  empty: () => ({
    ID: 0n,
  }),
}

export interface LeaseKeepAliveResponse {
  readonly header?: ResponseHeader | undefined
  readonly ID: bigint
  readonly TTL: number
}

export const LeaseKeepAliveResponse: MessageType<LeaseKeepAliveResponse> = {
  name: 'etcdserverpb.LeaseKeepAliveResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'ID', property: 'ID', kind: 'int64-id' },
    { number: 3, name: 'TTL', property: 'TTL', kind: 'int64' },
  ],
  empty: () => ({
    header: undefined,
    ID: 0n,
    TTL: 0,
  }),
}

export interface LeaseTimeToLiveRequest {
  readonly ID: bigint
  readonly keys: boolean
}

export const LeaseTimeToLiveRequest: MessageType<LeaseTimeToLiveRequest> = {
  name: 'etcdserverpb.LeaseTimeToLiveRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'int64-id' },
    { number: 2, name: 'keys', property: 'keys', kind: 'bool' },
  ],
  empty: () => ({
    ID: 0n,
    keys: false,
  }),
}

export interface LeaseTimeToLiveResponse {
  readonly header?: ResponseHeader | undefined
  readonly ID: bigint
  readonly TTL: number
  readonly grantedTTL: number
  readonly keys: readonly Uint8Array[]
}

export const LeaseTimeToLiveResponse: MessageType<LeaseTimeToLiveResponse> = {
  name: 'etcdserverpb.LeaseTimeToLiveResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'ID', property: 'ID', kind: 'int64-id' },
    { number: 3, name: 'TTL', property: 'TTL', kind: 'int64' },
    { number: 4, name: 'grantedTTL', property: 'grantedTTL', kind: 'int64' },
    { number: 5, name: 'keys', property: 'keys', kind: 'bytes', repeated: true },
  ],
  empty: () => ({
    header: undefined,
    ID: 0n,
    TTL: 0,
    grantedTTL: 0,
    keys: [],
  }),
}

export interface LeaseLeasesRequest {}

export const LeaseLeasesRequest: MessageType<LeaseLeasesRequest> = {
  name: 'etcdserverpb.LeaseLeasesRequest',
  fields: [],
  empty: () => ({}),
}

export interface LeaseStatus {
  readonly ID: bigint
}

export const LeaseStatus: MessageType<LeaseStatus> = {
  name: 'etcdserverpb.LeaseStatus',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'int64-id' },
  ],
  empty: () => ({
    ID: 0n,
  }),
}

export interface LeaseLeasesResponse {
  readonly header?: ResponseHeader | undefined
  readonly leases: readonly LeaseStatus[]
}

export const LeaseLeasesResponse: MessageType<LeaseLeasesResponse> = {
  name: 'etcdserverpb.LeaseLeasesResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'leases',
      property: 'leases',
      kind: 'message',
      message: () => LeaseStatus,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    leases: [],
  }),
}

export interface Member {
  readonly ID: bigint
  readonly name: string
  readonly peerURLs: readonly string[]
  readonly clientURLs: readonly string[]
  readonly isLearner: boolean
}

export const Member: MessageType<Member> = {
  name: 'etcdserverpb.Member',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'uint64-id' },
    { number: 2, name: 'name', property: 'name', kind: 'string' },
    { number: 3, name: 'peerURLs', property: 'peerURLs', kind: 'string', repeated: true },
    { number: 4, name: 'clientURLs', property: 'clientURLs', kind: 'string', repeated: true },
    { number: 5, name: 'isLearner', property: 'isLearner', kind: 'bool' },
  ],
  empty: () => ({
    ID: 0n,
    name: '',
    peerURLs: [],
    clientURLs: [],
    isLearner: false,
  }),
}

export interface MemberAddRequest {
  readonly peerURLs: readonly string[]
  readonly isLearner: boolean
}

export const MemberAddRequest: MessageType<MemberAddRequest> = {
  name: 'etcdserverpb.MemberAddRequest',
  fields: [
    { number: 1, name: 'peerURLs', property: 'peerURLs', kind: 'string', repeated: true },
    { number: 2, name: 'isLearner', property: 'isLearner', kind: 'bool' },
  ],
  empty: () => ({
    peerURLs: [],
    isLearner: false,
  }),
}

export interface MemberAddResponse {
  readonly header?: ResponseHeader | undefined
  readonly member?: Member | undefined
  readonly members: readonly Member[]
}

export const MemberAddResponse: MessageType<MemberAddResponse> = {
  name: 'etcdserverpb.MemberAddResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'member', property: 'member', kind: 'message', message: () => Member },
    {
      number: 3,
      name: 'members',
      property: 'members',
      kind: 'message',
      message: () => Member,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    member: undefined,
    members: [],
  }),
}

export interface MemberRemoveRequest {
  readonly ID: bigint
}

export const MemberRemoveRequest: MessageType<MemberRemoveRequest> = {
  name: 'etcdserverpb.MemberRemoveRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'uint64-id' },
  ],
  empty: () => ({
    ID: 0n,
  }),
}

export interface MemberRemoveResponse {
  readonly header?: ResponseHeader | undefined
  readonly members: readonly Member[]
}

export const MemberRemoveResponse: MessageType<MemberRemoveResponse> = {
  name: 'etcdserverpb.MemberRemoveResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'members',
      property: 'members',
      kind: 'message',
      message: () => Member,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    members: [],
  }),
}

export interface MemberUpdateRequest {
  readonly ID: bigint
  readonly peerURLs: readonly string[]
}

export const MemberUpdateRequest: MessageType<MemberUpdateRequest> = {
  name: 'etcdserverpb.MemberUpdateRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'uint64-id' },
    { number: 2, name: 'peerURLs', property: 'peerURLs', kind: 'string', repeated: true },
  ],
  empty: () => ({
    ID: 0n,
    peerURLs: [],
  }),
}

export interface MemberUpdateResponse {
  readonly header?: ResponseHeader | undefined
  readonly members: readonly Member[]
}

export const MemberUpdateResponse: MessageType<MemberUpdateResponse> = {
  name: 'etcdserverpb.MemberUpdateResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'members',
      property: 'members',
      kind: 'message',
      message: () => Member,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    members: [],
  }),
}

export interface MemberListRequest {
  readonly linearizable: boolean
}

export const MemberListRequest: MessageType<MemberListRequest> = {
  name: 'etcdserverpb.MemberListRequest',
  fields: [
    { number: 1, name: 'linearizable', property: 'linearizable', kind: 'bool' },
  ],
  empty: () => ({
    linearizable: false,
  }),
}

export interface MemberListResponse {
  readonly header?: ResponseHeader | undefined
  readonly members: readonly Member[]
}

export const MemberListResponse: MessageType<MemberListResponse> = {
  name: 'etcdserverpb.MemberListResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'members',
      property: 'members',
      kind: 'message',
      message: () => Member,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    members: [],
  }),
}

export interface MemberPromoteRequest {
  readonly ID: bigint
}

export const MemberPromoteRequest: MessageType<MemberPromoteRequest> = {
  name: 'etcdserverpb.MemberPromoteRequest',
  fields: [
    { number: 1, name: 'ID', property: 'ID', kind: 'uint64-id' },
  ],
  empty: () => ({
    ID: 0n,
  }),
}

export interface MemberPromoteResponse {
  readonly header?: ResponseHeader | undefined
  readonly members: readonly Member[]
}

export const MemberPromoteResponse: MessageType<MemberPromoteResponse> = {
  name: 'etcdserverpb.MemberPromoteResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'members',
      property: 'members',
      kind: 'message',
      message: () => Member,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    members: [],
  }),
}

export interface AlarmRequest {
  readonly action: number
  readonly memberID: bigint
  readonly alarm: number
}

export const AlarmRequest: MessageType<AlarmRequest> = {
  name: 'etcdserverpb.AlarmRequest',
  fields: [
    { number: 1, name: 'action', property: 'action', kind: 'enum', enum: AlarmAction },
    { number: 2, name: 'memberID', property: 'memberID', kind: 'uint64-id' },
    { number: 3, name: 'alarm', property: 'alarm', kind: 'enum', enum: AlarmType },
  ],
  empty: () => ({
    action: 0,
    memberID: 0n,
    alarm: 0,
  }),
}

export interface AlarmMember {
  readonly memberID: bigint
  readonly alarm: number
}

export const AlarmMember: MessageType<AlarmMember> = {
  name: 'etcdserverpb.AlarmMember',
  fields: [
    { number: 1, name: 'memberID', property: 'memberID', kind: 'uint64-id' },
    { number: 2, name: 'alarm', property: 'alarm', kind: 'enum', enum: AlarmType },
  ],
  empty: () => ({
    memberID: 0n,
    alarm: 0,
  }),
}

export interface AlarmResponse {
  readonly header?: ResponseHeader | undefined
  readonly alarms: readonly AlarmMember[]
}

export const AlarmResponse: MessageType<AlarmResponse> = {
  name: 'etcdserverpb.AlarmResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'alarms',
      property: 'alarms',
      kind: 'message',
      message: () => AlarmMember,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    alarms: [],
  }),
}

export interface StatusRequest {}

export const StatusRequest: MessageType<StatusRequest> = {
  name: 'etcdserverpb.StatusRequest',
  fields: [],
  empty: () => ({}),
}

export interface StatusResponse {
  readonly header?: ResponseHeader | undefined
  readonly version: string
  readonly dbSize: number
  readonly leader: bigint
  readonly raftIndex: number
  readonly raftTerm: number
  readonly raftAppliedIndex: number
  readonly errors: readonly string[]
  readonly dbSizeInUse: number
  readonly isLearner: boolean
  readonly storageVersion: string
  readonly dbSizeQuota: number
  readonly downgradeInfo?: DowngradeInfo | undefined
}

export const StatusResponse: MessageType<StatusResponse> = {
  name: 'etcdserverpb.StatusResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'version', property: 'version', kind: 'string' },
    { number: 3, name: 'dbSize', property: 'dbSize', kind: 'int64' },
    { number: 4, name: 'leader', property: 'leader', kind: 'uint64-id' },
    { number: 5, name: 'raftIndex', property: 'raftIndex', kind: 'uint64' },
    { number: 6, name: 'raftTerm', property: 'raftTerm', kind: 'uint64' },
    { number: 7, name: 'raftAppliedIndex', property: 'raftAppliedIndex', kind: 'uint64' },
    { number: 8, name: 'errors', property: 'errors', kind: 'string', repeated: true },
    { number: 9, name: 'dbSizeInUse', property: 'dbSizeInUse', kind: 'int64' },
    { number: 10, name: 'isLearner', property: 'isLearner', kind: 'bool' },
    { number: 11, name: 'storageVersion', property: 'storageVersion', kind: 'string' },
    { number: 12, name: 'dbSizeQuota', property: 'dbSizeQuota', kind: 'int64' },
    {
      number: 13,
      name: 'downgradeInfo',
      property: 'downgradeInfo',
      kind: 'message',
      message: () => DowngradeInfo,
    },
  ],
  empty: () => ({
    header: undefined,
    version: '',
    dbSize: 0,
    leader: 0n,
    raftIndex: 0,
    raftTerm: 0,
    raftAppliedIndex: 0,
    errors: [],
    dbSizeInUse: 0,
    isLearner: false,
    storageVersion: '',
    dbSizeQuota: 0,
    downgradeInfo: undefined,
  }),
}

export interface DowngradeInfo {
  readonly enabled: boolean
  readonly targetVersion: string
}

export const DowngradeInfo: MessageType<DowngradeInfo> = {
  name: 'etcdserverpb.DowngradeInfo',
  fields: [
    { number: 1, name: 'enabled', property: 'enabled', kind: 'bool' },
    { number: 2, name: 'targetVersion', property: 'targetVersion', kind: 'string' },
  ],
  empty: () => ({
    enabled: false,
    targetVersion: '',
  }),
}

export interface DefragmentRequest {}

export const DefragmentRequest: MessageType<DefragmentRequest> = {
  name: 'etcdserverpb.DefragmentRequest',
  fields: [],
  empty: () => ({}),
}

export interface DefragmentResponse {
  readonly header?: ResponseHeader | undefined
}

export const DefragmentResponse: MessageType<DefragmentResponse> = {
  name: 'etcdserverpb.DefragmentResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface HashRequest {}

export const HashRequest: MessageType<HashRequest> = {
  name: 'etcdserverpb.HashRequest',
  fields: [],
  empty: () => ({}),
}

export interface HashResponse {
  readonly header?: ResponseHeader | undefined
  readonly hash: number
}

export const HashResponse: MessageType<HashResponse> = {
  name: 'etcdserverpb.HashResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'hash', property: 'hash', kind: 'uint32' },
  ],
  empty: () => ({
    header: undefined,
    hash: 0,
  }),
}

export interface HashKVRequest {
  readonly revision: number
}

export const HashKVRequest: MessageType<HashKVRequest> = {
  name: 'etcdserverpb.HashKVRequest',
  fields: [
    { number: 1, name: 'revision', property: 'revision', kind: 'int64' },
  ],
  empty: () => ({
    revision: 0,
  }),
}

export interface HashKVResponse {
  readonly header?: ResponseHeader | undefined
  readonly hash: number
  readonly compactRevision: number
  readonly hashRevision: number
}

export const HashKVResponse: MessageType<HashKVResponse> = {
  name: 'etcdserverpb.HashKVResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'hash', property: 'hash', kind: 'uint32' },
    { number: 3, name: 'compact_revision', property: 'compactRevision', kind: 'int64' },
    { number: 4, name: 'hash_revision', property: 'hashRevision', kind: 'int64' },
  ],
  empty: () => ({
    header: undefined,
    hash: 0,
    compactRevision: 0,
    hashRevision: 0,
  }),
}

export interface SnapshotRequest {}

export const SnapshotRequest: MessageType<SnapshotRequest> = {
  name: 'etcdserverpb.SnapshotRequest',
  fields: [],
  empty: () => ({}),
}

export interface SnapshotResponse {
  readonly header?: ResponseHeader | undefined
  readonly remainingBytes: number
  readonly blob: Uint8Array
  readonly version: string
}

export const SnapshotResponse: MessageType<SnapshotResponse> = {
  name: 'etcdserverpb.SnapshotResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'remaining_bytes', property: 'remainingBytes', kind: 'uint64' },
    { number: 3, name: 'blob', property: 'blob', kind: 'bytes' },
    { number: 4, name: 'version', property: 'version', kind: 'string' },
  ],
  empty: () => ({
    header: undefined,
    remainingBytes: 0,
    blob: emptyBytes,
    version: '',
  }),
}

export interface MoveLeaderRequest {
  readonly targetID: bigint
}

export const MoveLeaderRequest: MessageType<MoveLeaderRequest> = {
  name: 'etcdserverpb.MoveLeaderRequest',
  fields: [
    { number: 1, name: 'targetID', property: 'targetID', kind: 'uint64-id' },
  ],
  empty: () => ({
    targetID: 0n,
  }),
}

export interface MoveLeaderResponse {
  readonly header?: ResponseHeader | undefined
}

export const MoveLeaderResponse: MessageType<MoveLeaderResponse> = {
  name: 'etcdserverpb.MoveLeaderResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface DowngradeRequest {
  readonly action: number
  readonly version: string
}

export const DowngradeRequest: MessageType<DowngradeRequest> = {
  name: 'etcdserverpb.DowngradeRequest',
  fields: [
    { number: 1, name: 'action', property: 'action', kind: 'enum', enum: DowngradeAction },
    { number: 2, name: 'version', property: 'version', kind: 'string' },
  ],
  empty: () => ({
    action: 0,
    version: '',
  }),
}

export interface DowngradeResponse {
  readonly header?: ResponseHeader | undefined
  readonly version: string
}

export const DowngradeResponse: MessageType<DowngradeResponse> = {
  name: 'etcdserverpb.DowngradeResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'version', property: 'version', kind: 'string' },
  ],
  empty: () => ({
    header: undefined,
    version: '',
  }),
}

export interface AuthEnableRequest {}

export const AuthEnableRequest: MessageType<AuthEnableRequest> = {
  name: 'etcdserverpb.AuthEnableRequest',
  fields: [],
  empty: () => ({}),
}

export interface AuthEnableResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthEnableResponse: MessageType<AuthEnableResponse> = {
  name: 'etcdserverpb.AuthEnableResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthDisableRequest {}

export const AuthDisableRequest: MessageType<AuthDisableRequest> = {
  name: 'etcdserverpb.AuthDisableRequest',
  fields: [],
  empty: () => ({}),
}

export interface AuthDisableResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthDisableResponse: MessageType<AuthDisableResponse> = {
  name: 'etcdserverpb.AuthDisableResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthStatusRequest {}

export const AuthStatusRequest: MessageType<AuthStatusRequest> = {
  name: 'etcdserverpb.AuthStatusRequest',
  fields: [],
  empty: () => ({}),
}

export interface AuthStatusResponse {
  readonly header?: ResponseHeader | undefined
  readonly enabled: boolean
  readonly authRevision: number
}

export const AuthStatusResponse: MessageType<AuthStatusResponse> = {
  name: 'etcdserverpb.AuthStatusResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'enabled', property: 'enabled', kind: 'bool' },
    { number: 3, name: 'authRevision', property: 'authRevision', kind: 'uint64' },
  ],
  empty: () => ({
    header: undefined,
    enabled: false,
    authRevision: 0,
  }),
}

export interface AuthenticateRequest {
  readonly name: string
  readonly password: string
}

export const AuthenticateRequest: MessageType<AuthenticateRequest> = {
  name: 'etcdserverpb.AuthenticateRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
    { number: 2, name: 'password', property: 'password', kind: 'string' },
  ],
  empty: () => ({
    name: '',
    password: '',
  }),
}

export interface AuthenticateResponse {
  readonly header?: ResponseHeader | undefined
  readonly token: string
}

export const AuthenticateResponse: MessageType<AuthenticateResponse> = {
  name: 'etcdserverpb.AuthenticateResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'token', property: 'token', kind: 'string' },
  ],
  empty: () => ({
    header: undefined,
    token: '',
  }),
}

export interface AuthUserAddRequest {
  readonly name: string
  readonly password: string
  readonly options?: UserAddOptions | undefined
  readonly hashedPassword: string
}

export const AuthUserAddRequest: MessageType<AuthUserAddRequest> = {
  name: 'etcdserverpb.AuthUserAddRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
    { number: 2, name: 'password', property: 'password', kind: 'string' },
    {
      number: 3,
      name: 'options',
      property: 'options',
      kind: 'message',
      message: () => UserAddOptions,
    },
    { number: 4, name: 'hashedPassword', property: 'hashedPassword', kind: 'string' },
  ],
  empty: () => ({
    name: '',
    password: '',
    options: undefined,
    hashedPassword: '',
  }),
}

export interface AuthUserAddResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthUserAddResponse: MessageType<AuthUserAddResponse> = {
  name: 'etcdserverpb.AuthUserAddResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthUserGetRequest {
  readonly name: string
}

export const AuthUserGetRequest: MessageType<AuthUserGetRequest> = {
  name: 'etcdserverpb.AuthUserGetRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
  ],
  empty: () => ({
    name: '',
  }),
}

export interface AuthUserGetResponse {
  readonly header?: ResponseHeader | undefined
  readonly roles: readonly string[]
}

export const AuthUserGetResponse: MessageType<AuthUserGetResponse> = {
  name: 'etcdserverpb.AuthUserGetResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'roles', property: 'roles', kind: 'string', repeated: true },
  ],
  empty: () => ({
    header: undefined,
    roles: [],
  }),
}

export interface AuthUserListRequest {}

export const AuthUserListRequest: MessageType<AuthUserListRequest> = {
  name: 'etcdserverpb.AuthUserListRequest',
  fields: [],
  empty: () => ({}),
}

export interface AuthUserListResponse {
  readonly header?: ResponseHeader | undefined
  readonly users: readonly string[]
}

export const AuthUserListResponse: MessageType<AuthUserListResponse> = {
  name: 'etcdserverpb.AuthUserListResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'users', property: 'users', kind: 'string', repeated: true },
  ],
  empty: () => ({
    header: undefined,
    users: [],
  }),
}

export interface AuthUserDeleteRequest {
  readonly name: string
}

export const AuthUserDeleteRequest: MessageType<AuthUserDeleteRequest> = {
  name: 'etcdserverpb.AuthUserDeleteRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
  ],
  empty: () => ({
    name: '',
  }),
}

export interface AuthUserDeleteResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthUserDeleteResponse: MessageType<AuthUserDeleteResponse> = {
  name: 'etcdserverpb.AuthUserDeleteResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthUserChangePasswordRequest {
  readonly name: string
  readonly password: string
  readonly hashedPassword: string
}

export const AuthUserChangePasswordRequest: MessageType<AuthUserChangePasswordRequest> = {
  name: 'etcdserverpb.AuthUserChangePasswordRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
    { number: 2, name: 'password', property: 'password', kind: 'string' },
    { number: 3, name: 'hashedPassword', property: 'hashedPassword', kind: 'string' },
  ],
  empty: () => ({
    name: '',
    password: '',
    hashedPassword: '',
  }),
}

export interface AuthUserChangePasswordResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthUserChangePasswordResponse: MessageType<AuthUserChangePasswordResponse> = {
  name: 'etcdserverpb.AuthUserChangePasswordResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthUserGrantRoleRequest {
  readonly user: string
  readonly role: string
}

export const AuthUserGrantRoleRequest: MessageType<AuthUserGrantRoleRequest> = {
  name: 'etcdserverpb.AuthUserGrantRoleRequest',
  fields: [
    { number: 1, name: 'user', property: 'user', kind: 'string' },
    { number: 2, name: 'role', property: 'role', kind: 'string' },
  ],
  empty: () => ({
    user: '',
    role: '',
  }),
}

export interface AuthUserGrantRoleResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthUserGrantRoleResponse: MessageType<AuthUserGrantRoleResponse> = {
  name: 'etcdserverpb.AuthUserGrantRoleResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthUserRevokeRoleRequest {
  readonly name: string
  readonly role: string
}

export const AuthUserRevokeRoleRequest: MessageType<AuthUserRevokeRoleRequest> = {
  name: 'etcdserverpb.AuthUserRevokeRoleRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
    { number: 2, name: 'role', property: 'role', kind: 'string' },
  ],
  empty: () => ({
    name: '',
    role: '',
  }),
}

export interface AuthUserRevokeRoleResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthUserRevokeRoleResponse: MessageType<AuthUserRevokeRoleResponse> = {
  name: 'etcdserverpb.AuthUserRevokeRoleResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthRoleAddRequest {
  readonly name: string
}

export const AuthRoleAddRequest: MessageType<AuthRoleAddRequest> = {
  name: 'etcdserverpb.AuthRoleAddRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
  ],
  empty: () => ({
    name: '',
  }),
}

export interface AuthRoleAddResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthRoleAddResponse: MessageType<AuthRoleAddResponse> = {
  name: 'etcdserverpb.AuthRoleAddResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthRoleGetRequest {
  readonly role: string
}

export const AuthRoleGetRequest: MessageType<AuthRoleGetRequest> = {
  name: 'etcdserverpb.AuthRoleGetRequest',
  fields: [
    { number: 1, name: 'role', property: 'role', kind: 'string' },
  ],
  empty: () => ({
    role: '',
  }),
}

export interface AuthRoleGetResponse {
  readonly header?: ResponseHeader | undefined
  readonly perm: readonly Permission[]
}

export const AuthRoleGetResponse: MessageType<AuthRoleGetResponse> = {
  name: 'etcdserverpb.AuthRoleGetResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    {
      number: 2,
      name: 'perm',
      property: 'perm',
      kind: 'message',
      message: () => Permission,
      repeated: true,
    },
  ],
  empty: () => ({
    header: undefined,
    perm: [],
  }),
}

export interface AuthRoleListRequest {}

export const AuthRoleListRequest: MessageType<AuthRoleListRequest> = {
  name: 'etcdserverpb.AuthRoleListRequest',
  fields: [],
  empty: () => ({}),
}

export interface AuthRoleListResponse {
  readonly header?: ResponseHeader | undefined
  readonly roles: readonly string[]
}

export const AuthRoleListResponse: MessageType<AuthRoleListResponse> = {
  name: 'etcdserverpb.AuthRoleListResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'roles', property: 'roles', kind: 'string', repeated: true },
  ],
  empty: () => ({
    header: undefined,
    roles: [],
  }),
}

export interface AuthRoleDeleteRequest {
  readonly role: string
}

export const AuthRoleDeleteRequest: MessageType<AuthRoleDeleteRequest> = {
  name: 'etcdserverpb.AuthRoleDeleteRequest',
  fields: [
    { number: 1, name: 'role', property: 'role', kind: 'string' },
  ],
  empty: () => ({
    role: '',
  }),
}

export interface AuthRoleDeleteResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthRoleDeleteResponse: MessageType<AuthRoleDeleteResponse> = {
  name: 'etcdserverpb.AuthRoleDeleteResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthRoleGrantPermissionRequest {
  readonly name: string
  readonly perm?: Permission | undefined
}

export const AuthRoleGrantPermissionRequest: MessageType<AuthRoleGrantPermissionRequest> = {
  name: 'etcdserverpb.AuthRoleGrantPermissionRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'string' },
    { number: 2, name: 'perm', property: 'perm', kind: 'message', message: () => Permission },
  ],
  empty: () => ({
    name: '',
    perm: undefined,
  }),
}

export interface AuthRoleGrantPermissionResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthRoleGrantPermissionResponse: MessageType<AuthRoleGrantPermissionResponse> = {
  name: 'etcdserverpb.AuthRoleGrantPermissionResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface AuthRoleRevokePermissionRequest {
  readonly role: string
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
}

export const AuthRoleRevokePermissionRequest: MessageType<AuthRoleRevokePermissionRequest> = {
  name: 'etcdserverpb.AuthRoleRevokePermissionRequest',
  fields: [
    { number: 1, name: 'role', property: 'role', kind: 'string' },
    { number: 2, name: 'key', property: 'key', kind: 'bytes' },
    { number: 3, name: 'range_end', property: 'rangeEnd', kind: 'bytes' },
  ],
  empty: () => ({
    role: '',
    key: emptyBytes,
    rangeEnd: emptyBytes,
  }),
}

export interface AuthRoleRevokePermissionResponse {
  readonly header?: ResponseHeader | undefined
}

export const AuthRoleRevokePermissionResponse: MessageType<AuthRoleRevokePermissionResponse> = {
  name: 'etcdserverpb.AuthRoleRevokePermissionResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface LockRequest {
  readonly name: Uint8Array
  readonly lease: bigint
}

export const LockRequest: MessageType<LockRequest> = {
  name: 'v3lockpb.LockRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
    { number: 2, name: 'lease', property: 'lease', kind: 'int64-id' },
  ],
  empty: () => ({
    name: emptyBytes,
    lease: 0n,
  }),
}

export interface LockResponse {
  readonly header?: ResponseHeader | undefined
  readonly key: Uint8Array
}

export const LockResponse: MessageType<LockResponse> = {
  name: 'v3lockpb.LockResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'key', property: 'key', kind: 'bytes' },
  ],
  empty: () => ({
    header: undefined,
    key: emptyBytes,
  }),
}

export interface UnlockRequest {
  readonly key: Uint8Array
}

export const UnlockRequest: MessageType<UnlockRequest> = {
  name: 'v3lockpb.UnlockRequest',
  fields: [
    { number: 1, name: 'key', property: 'key', kind: 'bytes' },
  ],
  empty: () => ({
    key: emptyBytes,
  }),
}

export interface UnlockResponse {
  readonly header?: ResponseHeader | undefined
}

export const UnlockResponse: MessageType<UnlockResponse> = {
  name: 'v3lockpb.UnlockResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface CampaignRequest {
  readonly name: Uint8Array
  readonly lease: bigint
  readonly value: Uint8Array
}

export const CampaignRequest: MessageType<CampaignRequest> = {
  name: 'v3electionpb.CampaignRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
    { number: 2, name: 'lease', property: 'lease', kind: 'int64-id' },
    { number: 3, name: 'value', property: 'value', kind: 'bytes' },
  ],
  empty: () => ({
    name: emptyBytes,
    lease: 0n,
    value: emptyBytes,
  }),
}

export interface CampaignResponse {
  readonly header?: ResponseHeader | undefined
  readonly leader?: LeaderKey | undefined
}

export const CampaignResponse: MessageType<CampaignResponse> = {
  name: 'v3electionpb.CampaignResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'leader', property: 'leader', kind: 'message', message: () => LeaderKey },
  ],
  empty: () => ({
    header: undefined,
    leader: undefined,
  }),
}

export interface LeaderKey {
  readonly name: Uint8Array
  readonly key: Uint8Array
  readonly rev: number
  readonly lease: bigint
}

export const LeaderKey: MessageType<LeaderKey> = {
  name: 'v3electionpb.LeaderKey',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
    { number: 2, name: 'key', property: 'key', kind: 'bytes' },
    { number: 3, name: 'rev', property: 'rev', kind: 'int64' },
    { number: 4, name: 'lease', property: 'lease', kind: 'int64-id' },
  ],
  empty: () => ({
    name: emptyBytes,
    key: emptyBytes,
    rev: 0,
    lease: 0n,
  }),
}

export interface LeaderRequest {
  readonly name: Uint8Array
}

export const LeaderRequest: MessageType<LeaderRequest> = {
  name: 'v3electionpb.LeaderRequest',
  fields: [
    { number: 1, name: 'name', property: 'name', kind: 'bytes' },
  ],
  empty: () => ({
    name: emptyBytes,
  }),
}

export interface LeaderResponse {
  readonly header?: ResponseHeader | undefined
  readonly kv?: KeyValue | undefined
}

export const LeaderResponse: MessageType<LeaderResponse> = {
  name: 'v3electionpb.LeaderResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
    { number: 2, name: 'kv', property: 'kv', kind: 'message', message: () => KeyValue },
  ],
  empty: () => ({
    header: undefined,
    kv: undefined,
  }),
}

export interface ResignRequest {
  readonly leader?: LeaderKey | undefined
}

export const ResignRequest: MessageType<ResignRequest> = {
  name: 'v3electionpb.ResignRequest',
  fields: [
    { number: 1, name: 'leader', property: 'leader', kind: 'message', message: () => LeaderKey },
  ],
  empty: () => ({
    leader: undefined,
  }),
}

export interface ResignResponse {
  readonly header?: ResponseHeader | undefined
}

export const ResignResponse: MessageType<ResignResponse> = {
  name: 'v3electionpb.ResignResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}

export interface ProclaimRequest {
  readonly leader?: LeaderKey | undefined
  readonly value: Uint8Array
}

export const ProclaimRequest: MessageType<ProclaimRequest> = {
  name: 'v3electionpb.ProclaimRequest',
  fields: [
    { number: 1, name: 'leader', property: 'leader', kind: 'message', message: () => LeaderKey },
    { number: 2, name: 'value', property: 'value', kind: 'bytes' },
  ],
  empty: () => ({
    leader: undefined,
    value: emptyBytes,
  }),
}

export interface ProclaimResponse {
  readonly header?: ResponseHeader | undefined
}

export const ProclaimResponse: MessageType<ProclaimResponse> = {
  name: 'v3electionpb.ProclaimResponse',
  fields: [
    {
      number: 1,
      name: 'header',
      property: 'header',
      kind: 'message',
      message: () => ResponseHeader,
    },
  ],
  empty: () => ({
    header: undefined,
  }),
}
