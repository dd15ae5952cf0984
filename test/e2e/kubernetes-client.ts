// What kube-apiserver asks of etcd, request by request: etcd's client/v3/kubernetes/client.go and the
// list of allowed shapes in tests/robustness/coverage.
import {
  Compare,
  CompareTarget,
  DeleteRangeRequest,
  type KeyValue,
  PutRequest,
  RangeRequest,
  type RangeResponse,
  RequestOp,
  type TxnResponse,
  WatchCreateRequest,
  WatchProgressRequest,
  type WatchRequest,
  type WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { GrpcClient } from './grpc-client.ts'
import type { GrpcReader, GrpcStream } from './grpc-streams.ts'

export interface ListOptions {
  readonly limit?: number
  readonly revision?: number
  /** The key with which the page begins, of the prefix that is listed. */
  readonly from?: string
}

/** An optimistic put or delete: done, or what is there instead. */
export interface Outcome {
  readonly succeeded: boolean
  /** Of the header: the write's own where it succeeded. */
  readonly revision: number
  /** The answer to the `else` branch; undefined where there was none to give. */
  readonly found: RangeResponse | undefined
}

export type UpstreamWatch = GrpcStream<Partial<WatchRequest>, WatchResponse>

export class Kubernetes {
  readonly #client: GrpcClient

  constructor(client: GrpcClient) {
    this.#client = client
  }

  async get(key: string, revision = 0): Promise<KeyValue | undefined> {
    const request = { key: bytes(key), limit: 1, revision }
    const { kvs } = await this.#client.call('/etcdserverpb.KV/Range', request)
    return kvs[0]
  }

  list(prefix: string, options: ListOptions = {}): Promise<RangeResponse> {
    return this.#client.call('/etcdserverpb.KV/Range', listRequest(prefix, options))
  }

  listStream(
    prefix: string,
    options: ListOptions = {},
  ): GrpcReader<{ readonly rangeResponse?: RangeResponse | undefined }> {
    const request = listRequest(prefix, options)
    return this.#client.serverStream('/etcdserverpb.KV/RangeStream', request)
  }

  /** All pages, at the revision of the first: the number of keys that are left tells if one follows. */
  async *pages(prefix: string, limit: number): AsyncGenerator<RangeResponse> {
    let page = await this.list(prefix, { limit })
    const revision = revisionOf(page)
    yield page
    while (page.kvs.length < page.count) {
      const last = page.kvs.at(-1)
      if (last === undefined) {
        throw new Error('an empty page, with more to come')
      }
      const from = `${text(last.key)}\0`
      page = await this.list(prefix, { limit, revision, from })
      yield page
    }
  }

  async count(prefix: string): Promise<number> {
    const request = { ...listRequest(prefix, {}), countOnly: true }
    return (await this.#client.call('/etcdserverpb.KV/Range', request)).count
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const request = { ...listRequest(prefix, {}), keysOnly: true }
    const { kvs } = await this.#client.call('/etcdserverpb.KV/Range', request)
    return kvs.map(({ key }) => text(key))
  }

  async currentRevision(prefix: string): Promise<number> {
    return revisionOf(await this.list(prefix, { limit: 1 }))
  }

  /** Has no `else`: what exists is none of the creator's business. */
  create(key: string, value: string, lease = 0n): Promise<Outcome> {
    return this.#optimistic(key, 0, { success: putOp(key, value, lease) })
  }

  update(key: string, value: string, expected: number): Promise<Outcome> {
    return this.#optimistic(key, expected, {
      success: putOp(key, value, 0n),
      failure: getOp(key),
    })
  }

  delete(key: string, expected: number): Promise<Outcome> {
    const success = create(RequestOp, {
      requestDeleteRange: create(DeleteRangeRequest, { key: bytes(key) }),
    })
    return this.#optimistic(key, expected, { success, failure: getOp(key) })
  }

  async #optimistic(
    key: string,
    modRevision: number,
    branches: { readonly success: RequestOp; readonly failure?: RequestOp },
  ): Promise<Outcome> {
    const expected = { target: CompareTarget.MOD, key: bytes(key), modRevision }
    const answer = await this.#client.call('/etcdserverpb.KV/Txn', {
      compare: [create(Compare, expected)],
      success: [branches.success],
      ...(branches.failure !== undefined && { failure: [branches.failure] }),
    })
    return {
      succeeded: answer.succeeded,
      revision: revisionOf(answer),
      found: answer.succeeded ? undefined : answer.responses[0]?.responseRange,
    }
  }

  /** One of several apiservers is to compact: who knows the key's version. */
  turnOfCompaction(version: number, revision: number): Promise<TxnResponse> {
    const key = 'compact_rev_key'
    return this.#client.call('/etcdserverpb.KV/Txn', {
      compare: [create(Compare, { target: CompareTarget.VERSION, key: bytes(key), version })],
      success: [putOp(key, String(revision), 0n)],
      failure: [getOp(key)],
    })
  }

  async compact(revision: number): Promise<void> {
    await this.#client.call('/etcdserverpb.KV/Compact', { revision })
  }

  async grant(ttl: number): Promise<bigint> {
    return (await this.#client.call('/etcdserverpb.Lease/LeaseGrant', { TTL: ttl })).ID
  }

  /** A stream, as the cacher has one for each resource. */
  watchStream(): UpstreamWatch {
    const metadata = { hasleader: 'true', source: 'cache' }
    return this.#client.stream('/etcdserverpb.Watch/Watch', { metadata })
  }
}

export function watchRequest(prefix: string, startRevision: number): Partial<WatchRequest> {
  const createRequest = create(WatchCreateRequest, {
    ...rangeOf(prefix),
    startRevision,
    prevKv: true,
    progressNotify: true,
  })
  return { createRequest }
}

export const progressRequest: Partial<WatchRequest> = {
  progressRequest: create(WatchProgressRequest, {}),
}

export async function nextResponse(watch: UpstreamWatch): Promise<WatchResponse> {
  const response = await watch.next()
  if (response === undefined) {
    throw new Error('the watch stream ended')
  }
  return response
}

export async function created(watch: UpstreamWatch): Promise<WatchResponse> {
  const response = await nextResponse(watch)
  if (!response.created || response.canceled) {
    throw new Error(`not created: ${response.cancelReason}`)
  }
  return response
}

export function revisionOf({ header }: Pick<RangeResponse, 'header'>): number {
  if (header === undefined) {
    throw new Error('an answer without a header')
  }
  return header.revision
}

export const text = (some: Uint8Array): string => Buffer.from(some).toString()

const bytes = (some: string): Uint8Array => Buffer.from(some)

function rangeOf(prefix: string, from = prefix): Pick<RangeRequest, 'key' | 'rangeEnd'> {
  const end = Buffer.from(prefix)
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1)
  return { key: bytes(from), rangeEnd: end }
}

function listRequest(prefix: string, { limit = 0, revision = 0, from }: ListOptions): RangeRequest {
  return create(RangeRequest, { ...rangeOf(prefix, from), limit, revision })
}

function putOp(key: string, value: string, lease: bigint): RequestOp {
  const put = create(PutRequest, { key: bytes(key), value: bytes(value), lease })
  return create(RequestOp, { requestPut: put })
}

function getOp(key: string): RequestOp {
  return create(RequestOp, { requestRange: create(RangeRequest, { key: bytes(key), limit: 1 }) })
}
