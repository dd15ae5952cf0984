// gRPC as an ordinary client speaks it: grpc-js with the codecs of src/protocol.
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { decode, encode } from '../../src/protocol/binary.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { GrpcReader, GrpcStream } from './grpc-streams.ts'

type Methods = typeof rpcMethods
type Message<T> = T extends MessageType<infer M> ? M : never
export type RequestOf<M extends MethodName> = Message<Methods[M]['request']>
export type ResponseOf<M extends MethodName> = Message<Methods[M]['response']>

export interface GrpcCallOptions {
  /** Such as `{ hasleader: 'true' }`. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly deadlineMs?: number
  /** Of a watch: more messages are not read before they are asked for. */
  readonly messagesWaitingMax?: number
  /** How long a message of a stream may take. */
  readonly patienceMs?: number
}

const asIs = (bytes: Buffer): Buffer => bytes

/** One connection of its own. */
export class GrpcClient {
  readonly #client: Client

  /**
   * The authority is the server's address unless another one is given, and a message may have any number
   * of bytes.
   */
  constructor(
    url: string,
    authority = new URL(url).host,
    secure: ChannelCredentials = credentials.createInsecure(),
    messageBytesMax = -1,
  ) {
    const target = url.startsWith('unix:') ? url : new URL(url).host
    this.#client = new Client(target, secure, {
      'grpc.default_authority': authority,
      // Clients of one process share a connection otherwise.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': messageBytesMax,
    })
  }

  /** A unary call. A refusal rejects with a ServiceError: `code` and `details`. */
  async call<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>>,
    options: GrpcCallOptions = {},
  ): Promise<ResponseOf<M>> {
    const answer = await this.callBytes(method, encodeRequest(method, request), options)
    return decodeResponse(method, answer)
  }

  /** The same, without a look at the bytes. */
  callBytes(method: MethodName, request: Buffer, options: GrpcCallOptions = {}): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const answered = (error: ServiceError | null, answer?: Buffer): void => {
      if (error !== null || answer === undefined) {
        reject(error ?? new Error(`${method} ended well and without an answer`))
      } else {
        resolve(answer)
      }
    }
    const [metadata, callOptions] = ofCall(options)
    this.#client.makeUnaryRequest(method, asIs, asIs, request, metadata, callOptions, answered)
    return promise
  }

  /** Which replicas the initial metadata of an answer names. */
  replicaOf<M extends MethodName>(method: M, request: Partial<RequestOf<M>>): Promise<string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>()
    const [metadata, options] = ofCall({})
    const bytes = encodeRequest(method, request)
    this.#client
      .makeUnaryRequest(
        method,
        asIs,
        asIs,
        bytes,
        metadata,
        options,
        (error) => error && reject(error),
      )
      .on('metadata', (said: Metadata) => resolve(said.get('etcdurable-replica').map(String)))
    return promise
  }

  /** A call whose answer is a stream. */
  serverStream<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>>,
    options: GrpcCallOptions = {},
  ): GrpcReader<ResponseOf<M>> {
    const call = this.#openServerStream(method, encodeRequest(method, request), options)
    return new GrpcReader(call, (bytes) => decodeResponse(method, bytes))
  }

  serverStreamBytes(
    method: MethodName,
    request: Buffer,
    options: GrpcCallOptions = {},
  ): GrpcReader<Buffer> {
    return new GrpcReader(this.#openServerStream(method, request, options), asIs)
  }

  #openServerStream(
    method: MethodName,
    request: Buffer,
    options: GrpcCallOptions,
  ): ClientReadableStream<Buffer> {
    const [metadata, callOptions] = ofCall(options)
    return this.#client.makeServerStreamRequest(method, asIs, asIs, request, metadata, callOptions)
  }

  /** A call that streams both ways. */
  stream<M extends MethodName>(
    method: M,
    options: GrpcCallOptions = {},
  ): GrpcStream<Partial<RequestOf<M>>, ResponseOf<M>> {
    return new GrpcStream(
      this.#openStream(method, options),
      (request) => encodeRequest(method, request),
      (bytes) => decodeResponse(method, bytes),
      { waitingMax: options.messagesWaitingMax, patienceMs: options.patienceMs },
    )
  }

  streamBytes(method: MethodName, options: GrpcCallOptions = {}): GrpcStream<Buffer, Buffer> {
    return new GrpcStream(this.#openStream(method, options), asIs, asIs)
  }

  #openStream(method: MethodName, options: GrpcCallOptions): ClientDuplexStream<Buffer, Buffer> {
    const [metadata, callOptions] = ofCall(options)
    return this.#client.makeBidiStreamRequest(method, asIs, asIs, metadata, callOptions)
  }

  close(): void {
    this.#client.close()
  }
}

function encodeRequest<M extends MethodName>(method: M, request: Partial<RequestOf<M>>): Buffer {
  const type = rpcMethods[method].request as MessageType<object>
  return Buffer.from(encode(type, create(type, request)))
}

export function decodeResponse<M extends MethodName>(method: M, bytes: Buffer): ResponseOf<M> {
  return decode(rpcMethods[method].response as MessageType<object>, bytes) as ResponseOf<M>
}

function ofCall({ metadata: fields = {}, deadlineMs }: GrpcCallOptions): [Metadata, CallOptions] {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(fields)) {
    metadata.set(name, value)
  }
  return [metadata, deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }]
}
