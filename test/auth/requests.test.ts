import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkPermission } from '../../src/auth/check-permission.ts'
import type { KeyRange } from '../../src/mvcc/types.ts'
import {
  Compare,
  DeleteRangeRequest,
  LeaseKeepAliveRequest,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
  WatchCreateRequest,
} from '../../src/protocol/generated/messages.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { runs } from '../runs.ts'
import { addRoot, bytes, Keyspace } from './keyspace.ts'
import type { Kind } from './permission-model.ts'

/** Each may be read, written, both, or neither; a bit each. */
const letters = ['a', 'b', 'c', 'd']
const noEnd = new Uint8Array(0)

/** What a request is about, in words that a model understands. */
type Need = readonly [Kind, from: number, to: number]

interface Asked {
  readonly method: MethodName
  readonly request: object
  /** Of the leases, which have keys, on their own. */
  readonly needs: (leased: readonly (readonly number[])[]) => readonly Need[]
}

const letter = fc.integer({ min: 0, max: letters.length - 1 })
const lease = fc.integer({ min: 0, max: 2 })

function keyOf(at: number): Uint8Array {
  return bytes(letters[at] ?? '')
}

/** From one letter to another one behind it, or a letter alone. */
const span = fc.tuple(letter, letter).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

function rangeOf(from: number, to: number): KeyRange {
  return { key: keyOf(from), rangeEnd: from === to ? noEnd : bytes(`${letters[to]}\0`) }
}

type LeafOp = { readonly op: RequestOp; readonly needs: Asked['needs'] }

const readOp: fc.Arbitrary<LeafOp> = span.map(([from, to]) => ({
  op: { requestRange: { ...RangeRequest.empty(), ...rangeOf(from, to) } },
  needs: () => [['read', from, to]],
}))

const putOp: fc.Arbitrary<LeafOp> = fc
  .record({ at: letter, id: lease, prevKv: fc.boolean() })
  .map(({ at, id, prevKv }) => ({
    op: { requestPut: { ...PutRequest.empty(), key: keyOf(at), lease: BigInt(id), prevKv } },
    needs: (leased) => [
      ['write', at, at],
      ...(leased[id] ?? []).map((key): Need => ['write', key, key]),
      ...(prevKv ? [['read', at, at] as const] : []),
    ],
  }))

const deleteOp: fc.Arbitrary<LeafOp> = fc
  .record({ ends: span, prevKv: fc.boolean() })
  .map(({ ends: [from, to], prevKv }) => ({
    op: { requestDeleteRange: { ...DeleteRangeRequest.empty(), ...rangeOf(from, to), prevKv } },
    needs: () => [['write', from, to], ...(prevKv ? [['read', from, to] as const] : [])],
  }))

const { txnOp } = fc.letrec<{ txnOp: LeafOp; anyOp: LeafOp }>((tie) => ({
  anyOp: fc.oneof({ depthSize: 'small' }, readOp, putOp, deleteOp, tie('txnOp')),
  txnOp: fc
    .record({
      compare: fc.array(span, { maxLength: 2 }),
      success: fc.array(tie('anyOp'), { maxLength: 2 }),
      failure: fc.array(tie('anyOp'), { maxLength: 2 }),
    })
    .map(({ compare, success, failure }) => ({
      op: {
        requestTxn: {
          compare: compare.map(([from, to]) => ({ ...Compare.empty(), ...rangeOf(from, to) })),
          success: success.map(({ op }) => op),
          failure: failure.map(({ op }) => op),
        },
      },
      needs: (leased) => [
        ...compare.map(([from, to]): Need => ['read', from, to]),
        ...[...success, ...failure].flatMap(({ needs }) => needs(leased)),
      ],
    })),
}))

function asked(method: MethodName, op: fc.Arbitrary<LeafOp>): fc.Arbitrary<Asked> {
  return op.map(({ op: { requestRange, requestPut, requestDeleteRange, requestTxn }, needs }) => ({
    method,
    request: requestRange ?? requestPut ?? requestDeleteRange ?? requestTxn ?? TxnRequest.empty(),
    needs,
  }))
}

const leaseRequest: fc.Arbitrary<Asked> = fc
  .record({ id: lease, kind: fc.constantFrom('revoke', 'keep', 'keys', 'time', 'list') })
  .map(({ id, kind }) => {
    const ID = BigInt(id)
    const of = (right: Kind): Asked['needs'] => {
      return (leased) => (leased[id] ?? []).map((key): Need => [right, key, key])
    }
    switch (kind) {
      case 'revoke':
        return {
          method: '/etcdserverpb.Lease/LeaseRevoke',
          request: { ...LeaseRevokeRequest.empty(), ID },
          needs: of('write'),
        }
      case 'keep':
        return {
          method: '/etcdserverpb.Lease/LeaseKeepAlive',
          request: { ...LeaseKeepAliveRequest.empty(), ID },
          needs: of('write'),
        }
      case 'list':
        return {
          method: '/etcdserverpb.Lease/LeaseLeases',
          request: LeaseLeasesRequest.empty(),
          needs: (leased) => leased.flat().map((key): Need => ['read', key, key]),
        }
      default:
        return {
          method: '/etcdserverpb.Lease/LeaseTimeToLive',
          request: { ...LeaseTimeToLiveRequest.empty(), ID, keys: kind === 'keys' },
          needs: kind === 'keys' ? of('read') : () => [],
        }
    }
  })

const watchRequest: fc.Arbitrary<Asked> = span.map(([from, to]) => ({
  method: '/etcdserverpb.Watch/Watch',
  request: { createRequest: { ...WatchCreateRequest.empty(), ...rangeOf(from, to) } },
  needs: () => [['read', from, to]],
}))

const anything = fc.oneof(
  asked('/etcdserverpb.KV/Range', readOp),
  asked('/etcdserverpb.KV/Put', putOp),
  asked('/etcdserverpb.KV/DeleteRange', deleteOp),
  { weight: 4, arbitrary: asked('/etcdserverpb.KV/Txn', txnOp) },
  { weight: 2, arbitrary: leaseRequest },
  watchRequest,
)

/** One role permits each letter with all that lies between it and the next one. */
function keyspaceWith(rights: readonly number[], leased: readonly number[]): Keyspace {
  const keyspace = new Keyspace()
  const { auth } = keyspace
  addRoot(keyspace)
  auth.userAdd('alice', undefined)
  auth.roleAdd('r')
  auth.userGrantRole({ user: 'alice', role: 'r' })
  for (const [at, right] of rights.entries()) {
    if (right > 0) {
      const perm = { key: keyOf(at), rangeEnd: bytes('abcde'[at + 1] ?? ''), permType: right - 1 }
      auth.roleGrantPermission({ name: 'r', perm })
    }
  }
  keyspace.lessor.grant({ ID: 1n, TTL: 100 }, 0)
  keyspace.lessor.grant({ ID: 2n, TTL: 100 }, 0)
  for (const [at, id] of leased.entries()) {
    keyspace.store.put({ ...PutRequest.empty(), key: keyOf(at), lease: BigInt(id) })
  }
  auth.enable()
  return keyspace
}

function perLetter(max: number): fc.Arbitrary<number[]> {
  const length = letters.length
  return fc.array(fc.integer({ min: 0, max }), { minLength: length, maxLength: length })
}

it('[AUT5] all that a request touches or may touch has to be permitted', () => {
  const seen = { permitted: 0, denied: 0 }
  fc.assert(
    fc.property(perLetter(3), perLetter(2), fc.array(anything), (rights, leased, all) => {
      const keyspace = keyspaceWith(rights, leased)
      const byLease = [[], [], []] as number[][]
      leased.forEach((id, at) => id > 0 && byLease[id]?.push(at))
      const has = (kind: Kind, at: number): boolean =>
        rights[at] === 3 || rights[at] === (kind === 'read' ? 1 : 2)
      const { auth } = keyspace
      const visit = { auth, who: { username: 'alice', revision: auth.revision }, leases: keyspace }
      for (const { method, request, needs } of all) {
        const check = (): void => checkPermission(visit, method, request)
        const permitted = needs(byLease).every(([kind, from, to]) =>
          letters.slice(from, to + 1).every((_, i) => has(kind, from + i)),
        )
        seen[permitted ? 'permitted' : 'denied']++
        if (permitted) {
          check()
        } else {
          assert.throws(check, /permission-denied/)
        }
      }
    }),
    { numRuns: runs(500) },
  )
  // Few runs may see few of either.
  expect(Math.min(seen.permitted, seen.denied)).toBeGreaterThan(runs(500) / 4)
})

it('[AUT5] keys of a lease are not read for who may read every key', () => {
  const keyspace = keyspaceWith([0, 0, 0, 0], [1, 1, 1, 1])
  const { auth } = keyspace
  const every = new Uint8Array(1)
  auth.roleGrantPermission({ name: 'r', perm: { key: every, rangeEnd: every, permType: 0 } })
  const leases = { leases: () => keyspace.leases(), leasedKeys: () => assert.fail('keys are read') }
  const visit = { auth, who: { username: 'alice', revision: auth.revision }, leases }
  const timeToLive = { ...LeaseTimeToLiveRequest.empty(), ID: 1n, keys: true }
  checkPermission(visit, '/etcdserverpb.Lease/LeaseTimeToLive', timeToLive)
  checkPermission(visit, '/etcdserverpb.Lease/LeaseLeases', LeaseLeasesRequest.empty())
  const revoke = { ...LeaseRevokeRequest.empty(), ID: 1n }
  assert.throws(
    () => checkPermission(visit, '/etcdserverpb.Lease/LeaseRevoke', revoke),
    /keys are read/,
  )
  const old = { ...visit, who: { username: 'alice', revision: auth.revision - 1 } }
  assert.throws(
    () => checkPermission(old, '/etcdserverpb.Lease/LeaseTimeToLive', timeToLive),
    /keys are read/,
  )
})
