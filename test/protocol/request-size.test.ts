import { describe, expect, it } from 'vitest'
import {
  Compare,
  DeleteRangeRequest,
  LeaseGrantRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { requestTooLarge } from '../../src/protocol/request-size.ts'

const max = 1_572_864

const key = Uint8Array.of(97)
const bytes = (length: number): Uint8Array => new Uint8Array(length)

const put = (length: number): PutRequest => create(PutRequest, { key, value: bytes(length) })

const txn = (parts: Partial<TxnRequest>): TxnRequest => create(TxnRequest, parts)

const range = (length: number): RangeRequest => create(RangeRequest, { key: bytes(length) })

describe('the size of a request', () => {
  // The first lengths that a real etcd 3.7.1 refuses, all others of the request as here.
  it.each([
    ['Put', 1_572_841, '/etcdserverpb.KV/Put', put],
    [
      'Put with the longest lease',
      1_572_831,
      '/etcdserverpb.KV/Put',
      (length: number) => ({ ...put(length), lease: 2n ** 63n - 1n }),
    ],
    [
      'Put with prev_kv',
      1_572_839,
      '/etcdserverpb.KV/Put',
      (length: number) => ({ ...put(length), prevKv: true }),
    ],
    [
      'DeleteRange',
      1_572_844,
      '/etcdserverpb.KV/DeleteRange',
      (length: number) => create(DeleteRangeRequest, { key: bytes(length) }),
    ],
    [
      'Txn with a put',
      1_572_833,
      '/etcdserverpb.KV/Txn',
      (length: number) => txn({ success: [{ requestPut: put(length) }] }),
    ],
    [
      'Txn with a compare',
      1_572_833,
      '/etcdserverpb.KV/Txn',
      (length: number) =>
        txn({
          compare: [create(Compare, { key: bytes(length) })],
          success: [{ requestDeleteRange: create(DeleteRangeRequest, { key }) }],
        }),
    ],
  ] as const)('[SIZ1] of %s is measured as etcd proposes it', (_, first, method, request) => {
    expect(requestTooLarge(method, request(first - 1), max)).toBe(false)
    expect(requestTooLarge(method, request(first), max)).toBe(true)
  })

  it('[SIZ2] does not matter for a transaction that only ranges', () => {
    const branch = [{ requestRange: range(max) }]
    const compare = [create(Compare, { key: bytes(max) })]
    const method = '/etcdserverpb.KV/Txn'
    expect(requestTooLarge(method, txn({ compare, success: branch, failure: branch }), max)).toBe(
      false,
    )
    const nested = txn({ success: [{ requestTxn: txn({ success: branch }) }] })
    expect(requestTooLarge(method, nested, max)).toBe(true)
    const writing = txn({ success: branch, failure: [{ requestPut: put(0) }] })
    expect(requestTooLarge(method, writing, max)).toBe(true)
  })

  it('[SIZ2] of the smallest requests counts as well', () => {
    const request = create(LeaseGrantRequest, { ID: 1n, TTL: 60 })
    expect(requestTooLarge('/etcdserverpb.Lease/LeaseGrant', request, 19)).toBe(false)
    expect(requestTooLarge('/etcdserverpb.Lease/LeaseGrant', request, 18)).toBe(true)
  })
})
