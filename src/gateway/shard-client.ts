import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import type { Region } from '../config/region.ts'
import { settingsOf } from '../config/settings.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { Visitor } from '../door/visitor.ts'
import { messageBytesMax } from '../gateway-rules/limits.ts'
import { decode, encode } from '../protocol/binary.ts'
import type { RangeRequest, TxnRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { type MethodName, methods } from '../protocol/methods.ts'
import type { MetricValues } from '../protocol/metric-families.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import { isReadOnly } from '../protocol/request-size.ts'
import {
  type AnsweredBy,
  type Outcome,
  type CallContext,
  CONTEXT_HEADER,
  type HealthCheck,
  LINK_HEADER,
  NEARER_HEADER,
  type PageCursor,
  type Refused,
  type ReplicationStatus,
  type RestoreBatch,
  type RestoreProgress,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import {
  type V2Answer,
  type V2Call,
  V2_WATCH_HEADER,
  type V2WatchCall,
} from '../protocol/v2-call.ts'
import { valuesAnswered } from './answer-size.ts'
import { DirectoryClient } from './directory-client.ts'
import { KeyspaceObjects, type Target } from './keyspace-objects.ts'
import { batchesTo } from './lanes.ts'
import { READ_RETRIES_MAX } from './platform-failure.ts'
import type { Places } from './reading-place.ts'

const toLeader: Places = { all: undefined, reads: undefined }

/** The socket of a session, and who serves it; undefined for the leader. */
interface LinkSocket {
  readonly socket: WebSocket
  readonly replica: string | undefined
}

/** An outcome that is no refusal, decoded. */
export interface ResponsePage {
  /** Of the method's response type. */
  readonly response: object
  readonly next: PageCursor | undefined
  /** Undefined where the leader has answered. */
  readonly replica: AnsweredBy | undefined
}

/**
 * The keyspace as its callers in the gateway see it: refusals and the platform's failures are thrown
 * as RpcStatus, and reads that the platform lost are tried again.
 */
export class ShardClient {
  readonly #environment: Env
  readonly #objects: KeyspaceObjects
  readonly #visitor: Visitor
  readonly #valueBytesMax: number

  /** Whatever is asked is asked by the visitor. */
  constructor(
    environment: Env,
    address: KeyspaceAddress,
    visitor: Visitor,
    places: Places = toLeader,
  ) {
    this.#environment = environment
    this.#objects = new KeyspaceObjects(environment, address, places)
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
    const isRead = methods[method].repeats === 'everywhere'
    const answer = await this.#objects.ask<Outcome>({
      retries: isRead ? READ_RETRIES_MAX : 0,
      reads: mayReadElsewhere(method, request),
      ask: (target) => {
        const read = isAnsweredAt(target, method, request) ? 'reads' : 'questions'
        const load = { kind: isRead ? read : 'writes', bytes } as const
        return batchesTo(this.#environment, this.#objects.address, target, load).call(call, bytes)
      },
    })
    return this.#answered(method, answer)
  }

  /** A further page of a range; `request` is the first one's. */
  async rangeNext(request: Uint8Array, next: PageCursor): Promise<ResponsePage> {
    const page = await this.#objects.ask<Outcome>({
      retries: READ_RETRIES_MAX,
      reads: true,
      ask: ({ stub }) => stub().rangeNext(request, next, this.#visitor),
    })
    return this.#answered('/etcdserverpb.KV/Range', page)
  }

  async metrics(): Promise<MetricValues> {
    const { values } = await this.#objects.ask({
      retries: READ_RETRIES_MAX,
      ask: ({ stub }) => stub().metrics(this.#visitor),
    })
    return values
  }

  /** How far the keyspace has come in sending itself to the object store. */
  replication(): Promise<ReplicationStatus> {
    return this.#objects.ask({
      retries: READ_RETRIES_MAX,
      ask: ({ stub }) => stub().replication(this.#visitor),
    })
  }

  async checked(checks: readonly HealthCheck[]): Promise<void> {
    await this.#objects.ask({
      retries: 0,
      ask: ({ stub }) => stub().checked(checks, this.#visitor),
    })
  }

  /** What stands before the paths of the keyspace; empty for that of the plain paths. */
  get prefix(): string {
    const { name } = this.#objects.address
    const { place } = this
    if (place !== undefined) {
      return `/keyspaces/${name}@${place}`
    }
    return name === DEFAULT_KEYSPACE ? '' : `/keyspaces/${name}`
  }

  /** Whether it is the keyspace that the server's own port serves. */
  get isDefault(): boolean {
    const { name, jurisdiction } = this.#objects.address
    return name === DEFAULT_KEYSPACE && jurisdiction === undefined && this.place === undefined
  }

  /** Which of its replicas has the streams of a method; undefined for the leader. */
  streamingPlace(method: MethodName): Region | undefined {
    return this.#objects.regionFor({ reads: streamsReads(method) })
  }

  /** Which of its replicas is asked everything; undefined for the leader. */
  get place(): Region | undefined {
    return this.#objects.place
  }

  /** Manages the keyspace's access tokens. */
  ofTokens<T>(ask: (shard: AccessTokenRpc) => Promise<T | Refused>): Promise<Exclude<T, Refused>> {
    return this.#objects.ask({ retries: 0, ask: ({ stub }) => ask(stub()) })
  }

  /** Sends entries of a file to the keyspace that is made from it, also a second time. */
  async restoreEntries(id: string, batch: RestoreBatch): Promise<void> {
    await this.#objects.ask({
      retries: READ_RETRIES_MAX,
      ask: ({ stub }) => stub().restoreEntries(id, batch),
    })
  }

  /** What etcd's v2 API is asked. */
  v2(call: V2Call): Promise<V2Answer> {
    const isRead = call.on === 'keys' && (call.method === 'GET' || call.method === 'HEAD')
    return this.#objects.ask<V2Answer | Refused>({
      retries: isRead ? READ_RETRIES_MAX : 0,
      ask: ({ calls }) => calls().v2(call, this.#visitor),
    })
  }

  restoreProgress(id: string): Promise<RestoreProgress> {
    return this.#objects.ask({
      retries: READ_RETRIES_MAX,
      ask: ({ stub }) => stub().restoreProgress(id),
    })
  }

  /** A socket of which each message is an event, or else a `V2WatchAnswer` or a refusal in JSON. */
  async openV2Watch(call: V2WatchCall): Promise<Response> {
    await this.#announce()
    return this.#objects.ask({
      retries: READ_RETRIES_MAX,
      ask: async (target) => {
        const response = await this.#upgrade(target, { [V2_WATCH_HEADER]: asciiJson(call) })
        return response.webSocket === null && response.headers.get(V2_WATCH_HEADER) === null
          ? response.json<Refused>()
          : response
      },
    })
  }

  #upgrade({ stub }: Target, more: Readonly<Record<string, string>>): Promise<Response> {
    const shown = { Upgrade: 'websocket', [CONTEXT_HEADER]: JSON.stringify(this.#visitor) }
    return stub().fetch('http://shard/session', { headers: { ...shown, ...more } })
  }

  /** Whether it may be on another machine, which can die without a word. */
  get mayVanish(): boolean {
    return settingsOf(this.#environment).cluster !== undefined
  }

  /** A socket for the streams of a method (protocol/frames.ts). */
  async connect(method: MethodName): Promise<WebSocket> {
    return (await this.#connect(streamsReads(method), {})).socket
  }

  /** The socket of a link, which all of its calls share. */
  connectLink(): Promise<LinkSocket> {
    const nearer = this.#objects.nearer.join()
    return this.#connect(false, { [LINK_HEADER]: '1', ...(nearer && { [NEARER_HEADER]: nearer }) })
  }

  async #connect(reads: boolean, more: Readonly<Record<string, string>>): Promise<LinkSocket> {
    await this.#announce()
    return this.#objects.ask<LinkSocket | Refused>({
      retries: READ_RETRIES_MAX,
      reads,
      ask: async (target) => {
        const response = await this.#upgrade(target, more)
        const { webSocket, headers } = response
        return webSocket === null
          ? response.json<Refused>()
          : { socket: webSocket, replica: headers.get(REPLICA_HEADER) ?? undefined }
      },
    })
  }

  /** The directory tells the shard when the token is revoked that the socket is open by. */
  async #announce(): Promise<void> {
    const { administrator } = this.#visitor
    if (typeof administrator === 'object') {
      const directory = new DirectoryClient(this.#environment)
      if (!(await directory.read((all) => all.opens(administrator.id, this.#objects.address)))) {
        throw statusOf('access-token-invalid')
      }
    }
  }

  #answered(method: MethodName, answer: Exclude<Outcome, Refused>): ResponsePage {
    const type: MessageType<object> = rpcMethods[method].response
    const { next, replica } = answer
    return { response: decode(type, answer.response), next, replica }
  }
}

/** Whether it is there alone that a read is answered. */
function isAnsweredAt({ region }: Target, method: MethodName, request: object): boolean {
  return (
    region === undefined ||
    (method === '/etcdserverpb.KV/Range' && (request as RangeRequest).serializable)
  )
}

function streamsReads(method: MethodName): boolean {
  return method === '/etcdserverpb.Watch/Watch' || method === '/etcdserverpb.KV/RangeStream'
}

/** Whether whoever is nearest may answer: etcd's members would, each of them. */
function mayReadElsewhere(method: MethodName, request: object): boolean {
  return (
    method === '/etcdserverpb.KV/Range' ||
    (method === '/etcdserverpb.KV/Txn' && isReadOnly(request as TxnRequest))
  )
}

/** JSON that a header can hold. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
