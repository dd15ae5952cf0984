import { setTimeout as sleep } from 'node:timers/promises'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  AuthRoleAddRequest,
  AuthUserAddRequest,
  LeaseGrantRequest,
  PutRequest,
  TxnRequest,
  TxnResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import type { Contestant, Running } from './contestant.ts'
import { type Filled, type LargeRequest, largeRequests } from './fairness-requests.ts'
import { GrpcConnection, grpcFrame, messageReader } from './grpc-connection.ts'
import { keyAt } from './keys.ts'
import { runLoad } from './load.ts'

const KEYS = 100_000
const VALUE_BYTES = 1024
const PUTS_PER_TXN = 100
const USERS = 1000
const PREFIX = 'bench/fairness/a/'
const DELETED = 'bench/fairness/b/'
const LEASED = 'bench/fairness/c/'
const PUT = 'bench/puts/'
const LEASE = 4711n

export const fairness: BenchCase = {
  name: 'fairness',
  about: `the worst put of a client that puts once a millisecond beside one large request of another, ${KEYS} keys of ${VALUE_BYTES} B`,
  run: ({ contestants, rounds }) => alternate(contestants, rounds, measureAll),
}

async function measureAll(contestant: Contestant): Promise<Figures> {
  const server = await contestant.start()
  try {
    const filled = await fillAll(server)
    const figures: Record<string, number> = {
      'worst put beside nothing, ms': await worstBeside(server, () => sleep(1000, 'nothing')),
    }
    for (const large of largeRequests(filled)) {
      const worst = await worstBeside(server, () => ask(server, large))
      figures[`worst put beside ${large.name}, ms`] = worst
    }
    return figures
  } finally {
    await server.stop()
  }
}

/** In milliseconds. */
async function worstBeside({ url }: Running, body: () => Promise<string>): Promise<number> {
  const state = new Int32Array(new SharedArrayBuffer(4))
  const putting = runLoad({ kind: 'worst-put', url, prefix: PUT, state })
  while (Atomics.load(state, 0) !== 1) {
    await sleep(1)
  }
  const seen = await body()
  Atomics.store(state, 0, 2)
  const { worstMs, puts, refused } = await putting
  console.error(`  ${seen}: ${worstMs.toFixed(1)} ms at most of ${puts} puts, ${refused} refused`)
  return worstMs
}

/** What came of it. */
async function ask({ url }: Running, { name, ...large }: LargeRequest): Promise<string> {
  const { refused, seconds, bytes } = await runLoad({ kind: 'one-request', url, ...large })
  return `${name}: ${refused ?? `${(bytes / 1e6).toFixed(1)} MB`} in ${seconds.toFixed(1)} s`
}

type Ask = (method: string, request: Uint8Array) => Promise<Buffer>

/** Hundred thousand keys, put twice, as many to be deleted, as many with a lease, and users. */
export async function fillAll({ url }: Running): Promise<Filled> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const connection = new GrpcConnection(url, reject)
  const asking: Ask = (method, request) => {
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    const received = messageReader(resolve)
    connection.call(method, grpcFrame(request), {
      received,
      ended: () => undefined,
      failed: reject,
    })
    return promise
  }
  const fill = async (): Promise<Filled> => {
    const lease = create(LeaseGrantRequest, { ID: LEASE, TTL: 100_000 })
    await asking('/etcdserverpb.Lease/LeaseGrant', encode(LeaseGrantRequest, lease))
    const oldRevision = await putAll(asking, PREFIX, 0n)
    await putAll(asking, PREFIX, 0n)
    await putAll(asking, DELETED, 0n)
    await putAll(asking, LEASED, LEASE)
    await addUsers(asking)
    return { prefix: PREFIX, deleted: DELETED, lease: LEASE, oldRevision }
  }
  const filled = await Promise.race([fill(), broken])
  connection.close()
  return filled
}

/** Answers the revision of the last put. */
async function putAll(asking: Ask, prefix: string, lease: bigint): Promise<number> {
  let revision = 0
  for (let at = 0; at < KEYS; at += PUTS_PER_TXN) {
    const success = Array.from({ length: PUTS_PER_TXN }, (_, i) => {
      const key = Buffer.from(keyAt(prefix, at + i))
      // In another order than the keys.
      const value = Buffer.alloc(VALUE_BYTES, keyAt('', ((at + i) * 7919) % KEYS))
      return { requestPut: create(PutRequest, { key, value, lease }) }
    })
    const request = encode(TxnRequest, create(TxnRequest, { success }))
    const answer = await asking('/etcdserverpb.KV/Txn', request)
    revision = decode(TxnResponse, answer).header?.revision ?? revision
  }
  return revision
}

async function addUsers(asking: Ask): Promise<void> {
  for (let i = 0; i < USERS; i++) {
    const user = create(AuthUserAddRequest, {
      name: `user-${i}`,
      options: { noPassword: true },
    })
    const role = create(AuthRoleAddRequest, { name: `role-${i}` })
    await Promise.all([
      asking('/etcdserverpb.Auth/UserAdd', encode(AuthUserAddRequest, user)),
      asking('/etcdserverpb.Auth/RoleAdd', encode(AuthRoleAddRequest, role)),
    ])
  }
}
