import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import { settingsOf } from '../config/settings.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { Visitor } from '../door/visitor.ts'
import { messageBytesMax } from '../gateway-rules/limits.ts'
import { decode, encode } from '../protocol/binary.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { type MethodName, methods } from '../protocol/methods.ts'
import type { MetricValues } from '../protocol/metric-families.ts'
import {
  type Outcome,
  type CallContext,
  CONTEXT_HEADER,
  isRefused,
  type HealthCheck,
  type PageCursor,
  type Refused,
  type ReplicationStatus,
  type RestoreBatch,
  type RestoreProgress,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import {
  type V2Answer,
  type V2Call,
  V2_WATCH_HEADER,
  type V2WatchCall,
} from '../protocol/v2-call.ts'
import { valuesAnswered } from './answer-size.ts'
import { BATCH_BYTES_MAX, Batches } from './batches.ts'
import { DirectoryClient } from './directory-client.ts'
import { forgetAddress } from './keyspace-address.ts'
import { READ_RETRIES_MAX, retrying } from './platform-failure.ts'

/**
 * An isolate batches the calls of so many keyspaces. What is dropped is made again, and costs the
 * next call no more than its company.
 */
const LANES_MAX = 1024

const keyspaceNotFound = statusOf('keyspace-not-found')

/** What a stub offers, without the types that it wraps answers in. */
type Stub = ShardRpc & AccessTokenRpc & Pick<DurableObjectStub, 'fetch'>

/**
 * Reads and writes of one shard leave in batches of their own, since a batch is back when the last
 * of its calls is, and a write takes a commit.
 */
interface Lanes {
  readonly reads: Batches
  readonly writes: Batches
}

/** By the namespace, which all requests of the isolate share, and the shard's address in it. */
const lanes = new WeakMap<Env['SHARD'], Map<string, Lanes>>()

/** An outcome that is no refusal, decoded. */
export interface ResponsePage {
  /** Of the method's response type. */
  readonly response: object
  readonly next: PageCursor | undefined
}

/**
 * The shard as its callers in the gateway see it: refusals and the platform's failures are thrown
 * as RpcStatus, and reads that the platform lost are tried again.
 */
export class ShardClient {
  readonly #environment: Env
  readonly #namespace: Env['SHARD']
  readonly #address: KeyspaceAddress
  readonly #visitor: Visitor
  readonly #valueBytesMax: number

  /** Whatever is asked is asked by the visitor. */
  constructor(environment: Env, address: KeyspaceAddress, visitor: Visitor) {
    this.#environment = environment
    this.#namespace = environment.SHARD
    this.#address = address
    this.#visitor = visitor
    this.#valueBytesMax = messageBytesMax(settingsOf(environment))
  }

  async call(method: MethodName, request: object, context: CallContext): Promise<ResponsePage> {
    const type: MessageType<object> = rpcMethods[method].request
    const call = {
      method,
      request: encode(type, request),
      context: { ...context, ...this.#visitor },
    }
    const bytes = call.request.length + valuesAnswered(method, request) * this.#valueBytesMax
    const kind = methods[method].repeats === 'everywhere' ? 'reads' : 'writes'
    const answer = await retrying(kind === 'reads' ? READ_RETRIES_MAX : 0, () =>
      this.#batches(kind, bytes).call(call, bytes),
    )
    return this.#answered(method, answer)
  }

  /** A further page of a range; `request` is the first one's. */
  async rangeNext(request: Uint8Array, next: PageCursor): Promise<ResponsePage> {
    const page = await retrying(READ_RETRIES_MAX, () =>
      this.#stub().rangeNext(request, next, this.#visitor),
    )
    return this.#answered('/etcdserverpb.KV/Range', page)
  }

  async metrics(): Promise<MetricValues> {
    const answer = await retrying(READ_RETRIES_MAX, () => this.#stub().metrics(this.#visitor))
    if ('refused' in answer) {
      throw this.#statusOf(answer)
    }
    return answer.values
  }

  /** How far the keyspace has come in sending itself to the object store. */
  async replication(): Promise<ReplicationStatus> {
    const answer = await retrying(READ_RETRIES_MAX, () => this.#stub().replication(this.#visitor))
    if (isRefused(answer)) {
      throw this.#statusOf(answer)
    }
    return answer
  }

  async checked(checks: readonly HealthCheck[]): Promise<void> {
    await retrying(0, () => this.#stub().checked(checks, this.#visitor))
  }

  /** What stands before the paths of the keyspace; empty for that of the plain paths. */
  get prefix(): string {
    const { name } = this.#address
    return name === DEFAULT_KEYSPACE ? '' : `/keyspaces/${name}`
  }

  /** Whether it is the keyspace that the server's own port serves. */
  get isDefault(): boolean {
    return this.#address.name === DEFAULT_KEYSPACE && this.#address.jurisdiction === undefined
  }

  /** Manages the keyspace's access tokens. */
  async ofTokens<T>(
    ask: (shard: AccessTokenRpc) => Promise<T | Refused>,
  ): Promise<Exclude<T, Refused>> {
    const answer = await retrying(0, () => ask(this.#stub()))
    if (isRefused(answer)) {
      throw this.#statusOf(answer)
    }
    return answer as Exclude<T, Refused>
  }

  /** Sends entries of a file to the keyspace that is made from it, also a second time. */
  async restoreEntries(id: string, batch: RestoreBatch): Promise<void> {
    const answer = await retrying(READ_RETRIES_MAX, () => this.#stub().restoreEntries(id, batch))
    if (answer !== undefined) {
      throw this.#statusOf(answer)
    }
  }

  /** What etcd's v2 API is asked. */
  async v2(call: V2Call): Promise<V2Answer> {
    const isRead = call.on === 'keys' && (call.method === 'GET' || call.method === 'HEAD')
    const answer = await retrying(isRead ? READ_RETRIES_MAX : 0, () =>
      this.#stub().v2(call, this.#visitor),
    )
    if (isRefused(answer)) {
      throw this.#statusOf(answer)
    }
    return answer
  }

  async restoreProgress(id: string): Promise<RestoreProgress> {
    const answer = await retrying(READ_RETRIES_MAX, () => this.#stub().restoreProgress(id))
    if (isRefused(answer)) {
      throw this.#statusOf(answer)
    }
    return answer
  }

  /** A socket of which each message is an event, or else a `V2WatchAnswer` or a refusal in JSON. */
  async openV2Watch(call: V2WatchCall): Promise<Response> {
    await this.#announce()
    const response = await this.#upgrade({ [V2_WATCH_HEADER]: asciiJson(call) })
    if (response.webSocket === null && response.headers.get(V2_WATCH_HEADER) === null) {
      throw this.#statusOf(await response.json<Refused>())
    }
    return response
  }

  #upgrade(more: Readonly<Record<string, string>>): Promise<Response> {
    const shown = { Upgrade: 'websocket', [CONTEXT_HEADER]: JSON.stringify(this.#visitor) }
    return retrying(READ_RETRIES_MAX, () =>
      this.#stub().fetch('http://shard/session', { headers: { ...shown, ...more } }),
    )
  }

  /** Whether it may be on another machine, which can die without a word. */
  get mayVanish(): boolean {
    return settingsOf(this.#environment).cluster !== undefined
  }

  /** The socket that streams share (protocol/frames.ts). */
  async connect(): Promise<WebSocket> {
    await this.#announce()
    const response = await this.#upgrade({})
    if (response.webSocket === null) {
      throw this.#statusOf(await response.json<Refused>())
    }
    return response.webSocket
  }

  /** The directory tells the shard when the token is revoked that the socket is open by. */
  async #announce(): Promise<void> {
    const { administrator } = this.#visitor
    if (typeof administrator === 'object') {
      const directory = new DirectoryClient(this.#environment)
      if (!(await directory.read((all) => all.opens(administrator.id, this.#address)))) {
        throw statusOf('access-token-invalid')
      }
    }
  }

  #answered(method: MethodName, answer: Outcome): ResponsePage {
    if ('refused' in answer) {
      throw this.#statusOf(answer)
    }
    const type: MessageType<object> = rpcMethods[method].response
    return { response: decode(type, answer.response), next: answer.next }
  }

  /** Where there is no keyspace any more, the directory was asked at another time than the shard. */
  #statusOf({ refused: { code, message } }: Refused): RpcStatus {
    if (message === keyspaceNotFound.message) {
      forgetAddress(this.#address, this.#environment)
    }
    return new RpcStatus(code, message)
  }

  /** A stub that has thrown is of no use any more, so each attempt takes a new one. */
  #stub(): Stub {
    return stubOf(this.#namespace, this.#address)
  }

  /** A call that may take long, or be long, does not share a batch with others. */
  #batches(kind: keyof Lanes, bytes: number): Batches {
    if (bytes > BATCH_BYTES_MAX) {
      return new Batches(() => this.#stub())
    }
    return lanesTo(this.#namespace, this.#address)[kind]
  }
}

/** JSON that a header can hold. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function stubOf(namespace: Env['SHARD'], { name, jurisdiction }: KeyspaceAddress): Stub {
  const within = jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction)
  return within.getByName(name)
}

function lanesTo(namespace: Env['SHARD'], address: KeyspaceAddress): Lanes {
  let byAddress = lanes.get(namespace)
  if (byAddress === undefined) {
    byAddress = new Map()
    lanes.set(namespace, byAddress)
  }
  const { name, jurisdiction } = address
  const key = jurisdiction === undefined ? name : `${jurisdiction}/${name}`
  let found = byAddress.get(key)
  if (found === undefined) {
    const open = (): Batches => new Batches(() => stubOf(namespace, address))
    found = { reads: open(), writes: open() }
    dropOldest(byAddress, LANES_MAX)
    byAddress.set(key, found)
  }
  return found
}

/** Makes room for one more. */
function dropOldest(map: Map<string, unknown>, max: number): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= max) {
    map.delete(oldest)
  }
}
