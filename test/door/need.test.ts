import { describe, expect, it } from 'vitest'
import { needOf } from '../../src/door/need.ts'
import {
  AlarmRequest,
  DeleteRangeRequest,
  DowngradeRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'

const TXN = '/etcdserverpb.KV/Txn'
const range: RequestOp = { requestRange: RangeRequest.empty() }
const put: RequestOp = { requestPut: PutRequest.empty() }
const deletion: RequestOp = { requestDeleteRange: DeleteRangeRequest.empty() }
const alarm = (action: number): AlarmRequest => create(AlarmRequest, { action })
const downgrade = (action: number): DowngradeRequest => create(DowngradeRequest, { action })
const txn = (success: readonly RequestOp[], failure: readonly RequestOp[] = []): TxnRequest =>
  create(TxnRequest, { success, failure })
const nested = (inner: TxnRequest): RequestOp => ({ requestTxn: inner })

describe('what a call needs', () => {
  it('[DOR6] is to read for these methods, and to write for all others', () => {
    const reading = (Object.keys(rpcMethods) as MethodName[])
      .filter((method) => needOf(method, rpcMethods[method].request.empty()) === 'read')
      .map((method) => method.slice(method.indexOf('.') + 1))
    expect(reading.toSorted()).toEqual(
      [
        'Auth/AuthStatus',
        'Auth/Authenticate',
        'Auth/RoleGet',
        'Auth/RoleList',
        'Auth/UserGet',
        'Auth/UserList',
        'Cluster/MemberList',
        'Election/Leader',
        'Election/Observe',
        'KV/Range',
        'KV/RangeStream',
        'KV/Txn',
        'Lease/LeaseLeases',
        'Lease/LeaseTimeToLive',
        'Maintenance/Alarm',
        'Maintenance/Downgrade',
        'Maintenance/Hash',
        'Maintenance/HashKV',
        'Maintenance/Snapshot',
        'Maintenance/Status',
        'Watch/Watch',
      ].toSorted(),
    )
  })

  it('[DOR6] depends on the action of an alarm and of a downgrade', () => {
    const needs = [0, 1, 2, 3].map((action) => [
      needOf('/etcdserverpb.Maintenance/Alarm', alarm(action)),
      needOf('/etcdserverpb.Maintenance/Downgrade', downgrade(action)),
    ])
    expect(needs).toEqual([
      ['read', 'read'],
      ['write', 'write'],
      ['write', 'write'],
      ['write', 'write'],
    ])
  })

  it('[DOR6] is to write for a transaction that would in any branch at any depth', () => {
    const reads = [txn([]), txn([range], [range]), txn([nested(txn([], [range]))])]
    const deep = nested(txn([range], [nested(txn([], [put]))]))
    const writes = [
      txn([put]),
      txn([], [deletion]),
      txn([range, deep]),
      txn([], [range, deep]),
      txn([{}]),
    ]
    expect(reads.map((request) => needOf(TXN, request))).toEqual(['read', 'read', 'read'])
    expect(writes.map((request) => needOf(TXN, request))).toEqual(writes.map(() => 'write'))
  })
})
