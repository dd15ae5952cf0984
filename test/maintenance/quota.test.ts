import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlarmStore, AlarmType } from '../../src/maintenance/alarm.ts'
import { capped, LEASE_GRANT_COST, putCost, Quota, txnCost } from '../../src/maintenance/quota.ts'
import type { PutRequest, RequestOp, TxnRequest } from '../../src/mvcc/types.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'

const GIB = 1024 ** 3

describe('cost', () => {
  it('[QTA1] of a put is 256 and the bytes of key and value', () => {
    expect(putCost(putOf(0))).toBe(257)
    expect(putCost(putOf(99))).toBe(356)
    expect(putCost({ key: new Uint8Array(0), value: new Uint8Array(0) })).toBe(256)
  })

  it('[QTA2] of a transaction is that of the dearer branch, nested ones included', () => {
    const dear = txnOf([put(100)], [put(1), put(2), put(3)])
    expect(txnCost(dear)).toBe(257 * 3 + 6)
    expect(txnCost(txnOf([put(1000)], [put(1), put(2), put(3)]))).toBe(257 + 1000)
    expect(txnCost(txnOf([put(0), txn(dear)], []))).toBe(257 * 4 + 6)
    expect(txnCost(txnOf([], [put(0), txn(txnOf([], [txn(dear)])), put(0)]))).toBe(257 * 5 + 6)
  })

  it('[QTA3] of a lease is 64, of what only reads and deletes 0', () => {
    expect(LEASE_GRANT_COST).toBe(64)
    expect(txnCost(txnOf([], []))).toBe(0)
    expect(txnCost(txnOf([get, remove], [remove]))).toBe(0)
    expect(txnCost(txnOf([get, txn(txnOf([remove], [get]))], [{}]))).toBe(0)
  })
})

describe('Quota', () => {
  it('[QTA4] turns a request away when size and cost reach it', () => {
    const quota = new Quota(10_000)
    expect(quota.available(9000, 999)).toBe(true)
    expect(quota.available(9000, 1000)).toBe(false)
    expect(quota.available(10_000, 64)).toBe(false)
  })

  it('[QTA5] lets a request without cost pass, however full the database is', () => {
    expect(new Quota(10_000).available(20_000, 0)).toBe(true)
    expect(new Quota(-1).available(2 ** 50, 0)).toBe(true)
  })

  it('[QTA6] is 2 GiB unless configured', () => {
    expect(new Quota(0)).toMatchObject({ reported: 2 * GIB, bytes: 2 * GIB })
    expect(new Quota(3 * GIB)).toMatchObject({ reported: 3 * GIB, bytes: 3 * GIB })
    expect(new Quota(0).available(2 * GIB - 257, 256)).toBe(true)
    expect(new Quota(0).available(2 * GIB - 256, 256)).toBe(false)
  })

  it('[QTA7] is off when negative, and never more than a Durable Object holds less a reserve', () => {
    expect(new Quota(-1)).toMatchObject({ reported: -1, bytes: 9_500_000_000 })
    expect(new Quota(20 * GIB)).toMatchObject({ reported: 20 * GIB, bytes: 9_500_000_000 })
    expect(new Quota(-1).available(8 * GIB, 256)).toBe(true)
    expect(new Quota(-1).available(9_499_999_744, 256)).toBe(false)
  })
})

describe('while the NOSPACE alarm stands', () => {
  it('[QTA8] puts, transactions with a put and lease grants are refused, nothing else', () => {
    const alarms = openAlarms()
    const costs = [putCost(putOf(0)), txnCost(txnOf([get], [put(0)])), LEASE_GRANT_COST]
    const free = txnCost(txnOf([get, remove], [txn(txnOf([remove], []))]))
    expect(costs.filter((cost) => capped(alarms, cost))).toEqual([])
    alarms.activate({ memberID: 1n, alarm: AlarmType.CORRUPT })
    expect(costs.filter((cost) => capped(alarms, cost))).toEqual([])
    alarms.activate({ memberID: 1n, alarm: AlarmType.NOSPACE })
    expect(costs.filter((cost) => !capped(alarms, cost))).toEqual([])
    expect(capped(alarms, free)).toBe(false)
    alarms.deactivate({ memberID: 1n, alarm: AlarmType.NOSPACE })
    expect(costs.filter((cost) => capped(alarms, cost))).toEqual([])
  })

  it('[QTA8] a transaction is refused exactly when a put is in it, in whichever branch', () => {
    const { request } = fc.letrec<{ op: RequestOp; request: TxnRequest }>((tie) => ({
      op: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(get, remove),
        fc.nat(3).map(put),
        tie('request').map((nested) => txn(nested)),
      ),
      request: fc
        .tuple(fc.array(tie('op'), { maxLength: 3 }), fc.array(tie('op'), { maxLength: 3 }))
        .map(([success, failure]) => txnOf(success, failure)),
    }))
    const alarms = openAlarms()
    alarms.activate({ memberID: 1n, alarm: AlarmType.NOSPACE })
    fc.assert(
      fc.property(request, (each) => {
        expect(capped(alarms, txnCost(each))).toBe(hasPut(each))
      }),
      { numRuns: runs(500) },
    )
  })
})

const range = { key: new Uint8Array([97]), rangeEnd: new Uint8Array(0) }
const remove: RequestOp = { requestDeleteRange: { ...range, prevKv: false } }
const get: RequestOp = {
  requestRange: {
    ...range,
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
  },
}

function putOf(valueBytes: number): PutRequest {
  return {
    key: range.key,
    value: new Uint8Array(valueBytes),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  }
}

function put(valueBytes: number): RequestOp {
  return { requestPut: putOf(valueBytes) }
}

function txn(requestTxn: TxnRequest): RequestOp {
  return { requestTxn }
}

function txnOf(success: readonly RequestOp[], failure: readonly RequestOp[]): TxnRequest {
  return { compare: [], success, failure }
}

function hasPut(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].some(
    (op) => op.requestPut !== undefined || (op.requestTxn !== undefined && hasPut(op.requestTxn)),
  )
}

function openAlarms(): AlarmStore {
  return new AlarmStore(openNodeSql())
}
