import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EngineError } from '../../../src/mvcc/errors.ts'
import type { HashKv } from '../../../src/mvcc/hash.ts'
import { Store, type StoreOptions } from '../../../src/mvcc/store.ts'
import type { RequestOp } from '../../../src/mvcc/types.ts'
import {
  CompactionRequest,
  HashKVRequest,
  HashKVResponse,
  LeaseGrantRequest,
  TxnRequest,
} from '../../../src/protocol/generated/messages.ts'
import { encodeJson } from '../../../src/protocol/json-encode.ts'
import type { MessageType } from '../../../src/protocol/message-type.ts'
import { bytes } from '../../model-rules.ts'
import { openNodeSql } from '../../mvcc/node-sql.ts'
import { anyPut, anyRange, CUTTING_ROW_BYTES, LEASES } from '../../mvcc/random-requests.ts'
import { type Etcd, etcdMissing, startEtcd } from '../../oracle/etcd.ts'
import { call } from '../../oracle/grpc.ts'

const STEPS = 300
const COMPACT_EVERY = 20
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)

const ALL = { key: bytes('\0'), rangeEnd: bytes('\0') }

/** Where nothing lives, etcd's rule is another one. */
const anyDelete = fc
  .oneof({ weight: 3, arbitrary: anyRange }, { weight: 1, arbitrary: fc.constant(ALL) })
  .map((range) => ({ requestDeleteRange: { ...range, prevKv: false } }))
const anyWrite = anyPut.map((put) => ({
  requestPut: { ...put, ignoreValue: false, ignoreLease: false },
}))

/** Deletes come after puts: etcd corrupts its index where one transaction puts what it deleted. */
const anyOps: fc.Arbitrary<RequestOp[]> = fc
  .tuple(fc.array(anyWrite, { maxLength: 3 }), fc.array(anyDelete, { maxLength: 1 }))
  .map(([puts, deletes]) => [...puts, ...deletes])

it(`[HSH7] hashes are etcd's own, byte for byte (seed ${SEED})`, async (ctx) => {
  const etcd = await startEtcd()
  if (etcd === undefined) {
    ctx.skip(etcdMissing)
    return
  }
  try {
    await compareHashes(etcd)
  } finally {
    await etcd.stop()
  }
}, 60_000)

async function compareHashes(etcd: Etcd): Promise<void> {
  const versions = versionOf(etcd)
  const sql = openNodeSql()
  const deletions = new Set<number>()
  const compacted: number[] = []
  const options: StoreOptions = {
    txnOpsMax: 128,
    hasLease: (lease) => LEASES.includes(lease),
    changed: (revision, events) => {
      if (events !== 'many' && events.some((event) => event.type === 1)) {
        deletions.add(revision)
      }
    },
  }
  const open = (): Store => new Store(sql, options, CUTTING_ROW_BYTES)
  let store = open()
  for (const ID of LEASES) {
    await ask(etcd, '/v3/lease/grant', LeaseGrantRequest, { ID, TTL: 3600 })
  }
  const random = fc.sample(fc.tuple(anyOps, fc.oneof(fc.nat(2), fc.nat(60))), {
    numRuns: STEPS,
    seed: SEED,
  })
  for (const [step, [success, back]] of random.entries()) {
    const request = { compare: [], success, failure: [] }
    const answer = await ask(etcd, '/v3/kv/txn', TxnRequest, request)
    expect(attempt(() => store.txn(request)) === undefined, JSON.stringify(answer)).toBe(
      'code' in answer,
    )
    const revision = Math.max(store.revision - back, store.compactRevision + 1)
    const skips = !versions.keepsTombstones && deletions.has(revision)
    if (step % COMPACT_EVERY === COMPACT_EVERY - 1 && revision <= store.revision && !skips) {
      await compareAll(etcd, store, compacted)
      await ask(etcd, '/v3/kv/compaction', CompactionRequest, { revision, physical: true })
      store.compact(revision)
      compacted.push(revision)
      if (!versions.remembers) {
        store = open()
      }
      while (store.compactSlice(undefined)) {
        // Until nothing is left to be deleted.
      }
      await compareAll(etcd, store, compacted)
    }
  }
  expect(store.revision).toBeGreaterThan(STEPS / 3)
}

/** What has changed in etcd's hashes over its versions. */
interface Version {
  /** Whether a tombstone at the compacted revision stays. */
  readonly keepsTombstones: boolean
  /** Whether the hashes that compactions make are kept. */
  readonly remembers: boolean
  /** Whether the compacted revision itself may be hashed. */
  readonly hashesCompacted: boolean
}

function versionOf(etcd: Etcd): Version {
  const [, minor = 0, patch = 0] = etcd.version.split('.').map(Number)
  return {
    keepsTombstones: patch >= ([34, 16][minor - 4] ?? 0),
    remembers: minor > 5 || (minor === 5 && patch > 4),
    hashesCompacted: minor > 4,
  }
}

const HASH_KV = { request: HashKVRequest, response: HashKVResponse }

/** By gRPC, because etcd 3.4 has no HTTP path for it. */
async function compareAll(etcd: Etcd, store: Store, compacted: readonly number[]): Promise<void> {
  const { revision: current, compactRevision } = store
  const oldest = Math.max(compactRevision, 0)
  const revisions = new Set([
    ...compacted,
    0,
    oldest - 1,
    oldest,
    oldest + 1,
    oldest + 2,
    current,
    current + 1,
  ])
  for (let revision = oldest; revision < current; revision += 7) {
    revisions.add(revision)
  }
  if (!versionOf(etcd).hashesCompacted) {
    revisions.delete(compactRevision)
  }
  for (const revision of [...revisions].filter((each) => each >= 0)) {
    const answer = await call(etcd.url, '/etcdserverpb.Maintenance/HashKV', HASH_KV, { revision })
    const expected = answer && { hash: answer.hash, compactRevision: answer.compactRevision }
    const hashed = attempt(() => last(store.hashKv(revision)))
    const actual = hashed && { hash: hashed.hash, compactRevision: hashed.compactRevision }
    expect(actual, `revision ${revision} of ${current}, compacted at ${compactRevision}`).toEqual(
      expected,
    )
  }
}

function last(steps: Generator<void, HashKv>): HashKv {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

function attempt<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch (error) {
    if (error instanceof EngineError) {
      return undefined
    }
    throw error
  }
}

async function ask<T extends object>(
  etcd: Etcd,
  path: string,
  type: MessageType<T>,
  request: Partial<T>,
): Promise<Record<string, unknown>> {
  const body = encodeJson(type, { ...type.empty(), ...request })
  const response = await fetch(etcd.url + path, { method: 'POST', body })
  return (await response.json()) as Record<string, unknown>
}
