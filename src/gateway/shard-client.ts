import { decode, encode } from '../protocol/binary.ts'
import { RangeRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallAnswer, CallContext, MetricFamily, ShardRpc } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'

/** The one keyspace that there is so far. */
const KEYSPACE = 'default'

/** A read that the platform lost is sent again so often, to an object that may have moved. */
const READ_RETRIES_MAX = 3

/** What a stub offers, without the types that it wraps answers in. */
type Stub = ShardRpc & Pick<DurableObjectStub, 'fetch'>

/** An answer that is no refusal. */
export interface Answered {
  /** Of the method's response type. */
  readonly response: object
  readonly next: PageCursor | undefined
}

/** Where the next page of a range begins: the shard's business, passed back as it came. */
export type PageCursor = NonNullable<Extract<CallAnswer, { readonly response: object }>['next']>

/** The methods that change nothing, so that asking twice is as good as once. */
const reads: ReadonlySet<MethodName> = new Set([
  '/etcdserverpb.KV/Range',
  '/etcdserverpb.Lease/LeaseTimeToLive',
  '/etcdserverpb.Lease/LeaseLeases',
  '/etcdserverpb.Cluster/MemberList',
  '/etcdserverpb.Maintenance/Status',
  '/etcdserverpb.Maintenance/Hash',
  '/etcdserverpb.Maintenance/HashKV',
])

/**
 * The shard as its callers in the gateway see it: refusals and the platform's failures are thrown
 * as RpcStatus, and reads that the platform lost are tried again.
 */
export class ShardClient {
  readonly #namespace: Env['SHARD']

  constructor(namespace: Env['SHARD']) {
    this.#namespace = namespace
  }

  async call(method: MethodName, request: object, context: CallContext): Promise<Answered> {
    const retries = reads.has(method) ? READ_RETRIES_MAX : 0
    const calls = [
      {
        method,
        request: encode(rpcMethods[method].request as MessageType<object>, request),
        context,
      },
    ]
    const [answer] = await this.#try(retries, (shard) => shard.callMany(calls))
    if (answer === undefined) {
      throw new Error('the shard has left a call unanswered')
    }
    return answered(method, answer)
  }

  /** A further page of a range; `request` is the first one's. */
  async rangeNext(request: object, next: PageCursor): Promise<Answered> {
    return answered(
      '/etcdserverpb.KV/Range',
      await this.#try(READ_RETRIES_MAX, (shard) =>
        shard.rangeNext(encode(RangeRequest, request as RangeRequest), next),
      ),
    )
  }

  metrics(): Promise<readonly MetricFamily[]> {
    return this.#try(READ_RETRIES_MAX, (shard) => shard.metrics())
  }

  /** The socket that streams share (protocol/frames.ts). */
  async connect(): Promise<WebSocket> {
    const socket = await this.#try(READ_RETRIES_MAX, async (shard) => {
      const response = await shard.fetch('http://shard/session', {
        headers: { Upgrade: 'websocket' },
      })
      return response.webSocket
    })
    if (socket === null) {
      throw new Error('the shard did not answer with a WebSocket')
    }
    return socket
  }

  /** A stub that has thrown is of no use any more, so each attempt takes a new one. */
  async #try<T>(retries: number, attempt: (shard: Stub) => Promise<T>): Promise<T> {
    try {
      return await attempt(this.#namespace.getByName(KEYSPACE))
    } catch (error) {
      if (retries > 0 && isLost(error)) {
        return this.#try(retries - 1, attempt)
      }
      throw statusOfPlatform(error)
    }
  }
}

function answered(method: MethodName, answer: CallAnswer): Answered {
  if ('refused' in answer) {
    throw new RpcStatus(answer.refused.code, answer.refused.message)
  }
  const type: MessageType<object> = rpcMethods[method].response
  return { response: decode(type, answer.response), next: answer.next }
}

/**
 * The marks that the platform puts on what it throws
 * (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/).
 */
interface PlatformError extends Error {
  readonly retryable?: boolean
  readonly overloaded?: boolean
  /** The object went away under the call, so nobody knows whether the call was executed. */
  readonly durableObjectReset?: boolean
}

/** An overloaded object would only suffer from being asked again. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false
  }
  const { retryable, overloaded, durableObjectReset }: PlatformError = error
  return overloaded !== true && (retryable === true || durableObjectReset === true)
}

/** What etcd says in such a case; the error itself, if it is none of the platform's. */
function statusOfPlatform(error: unknown): unknown {
  if (isLost(error)) {
    return statusOf('timeout-connection-lost')
  }
  const overloaded = error instanceof Error && (error as PlatformError).overloaded === true
  return overloaded
    ? new RpcStatus(Code.RESOURCE_EXHAUSTED, statusOf('too-many-requests').message)
    : error
}
