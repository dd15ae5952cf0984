import { readFileSync } from 'node:fs'
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status as Code,
} from '@grpc/grpc-js'
import { decode, encode } from '../../protocol/binary.ts'
import { rpcMethods } from '../../protocol/generated/services.ts'
import { create, type MessageType } from '../../protocol/message-type.ts'
import type { MethodName } from '../../protocol/methods.ts'
import { Failure, systemErrorCode } from '../failure.ts'
import { readToken } from '../token-file.ts'
import type { MigrateFlags } from './flag-table.ts'

/** A call that does not say otherwise. */
const CALL_MS_MAX = 30_000
/** etcd hashes a gigabyte in some seconds, on a slow disk in minutes. */
export const LONG_CALL_MS_MAX = 600_000
/** etcd allows a ping each 5 s. */
const PING_MS = 10_000

/** etcd's words for credentials that have become old (reference: client/v3/retry_interceptor.go). */
const OLD_CREDENTIALS = /invalid auth token|revision of auth store is old/

/** grpc-js wraps the reason that a person wants to know, which may have several lines. */
const LAST_ERROR = /Last error: (?:Error: )?(.*?)(?:\.? Resolution note|\n|$)/

type Methods = typeof rpcMethods
type Message<T> = T extends MessageType<infer M> ? M : never
export type RequestOf<M extends MethodName> = Message<Methods[M]['request']>
export type ResponseOf<M extends MethodName> = Message<Methods[M]['response']>

/** What the source has refused, or was not there to be asked. */
export class SourceFailure extends Failure {
  readonly code: Code

  constructor(message: string, code: Code) {
    super(message)
    this.code = code
  }

  /** Another attempt may find it there. */
  get isPassing(): boolean {
    return this.code === Code.UNAVAILABLE || this.code === Code.DEADLINE_EXCEEDED
  }
}

/**
 * An etcd as etcd's own clients ask it: the first of some members that is there, and another one when it
 * is not any more. Everything throws SourceFailure.
 */
export class SourceClient {
  readonly #urls: readonly URL[]
  readonly #secure: ChannelCredentials
  readonly #accessToken: string | undefined
  readonly #user: string
  readonly #password: string
  #place = 0
  #client: Client | undefined
  #token: string | undefined

  /** Throws Failure where a file cannot be read. */
  constructor(flags: MigrateFlags) {
    this.#urls = flags.from
    this.#secure = secureOf(flags)
    this.#accessToken = readToken(flags['from-token-file'])
    const [user = '', ...rest] = flags['from-user'].split(':')
    this.#user = user
    this.#password = flags['from-password'] || rest.join(':')
  }

  /** The member that is asked. */
  get shown(): string {
    return (this.#urls[this.#place]?.href ?? '').replace(/\/$/, '')
  }

  async call<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>> = {},
    msMax = CALL_MS_MAX,
  ): Promise<ResponseOf<M>> {
    for (let left = this.#urls.length; ; left--) {
      try {
        return await this.#callAsUser(method, request, msMax)
      } catch (error) {
        if (!(error instanceof SourceFailure) || !error.isPassing || left <= 1) {
          throw error
        }
        this.#nextMember()
      }
    }
  }

  /** A call whose answers are a stream, as they come. */
  async serverStream(method: MethodName): Promise<ClientReadableStream<Buffer>> {
    const metadata = await this.#metadata()
    return this.#open().makeServerStreamRequest(method, asIs, asIs, encoded(method, {}), metadata)
  }

  /** One that streams both ways; where the member loses its leader it ends. */
  async stream(method: MethodName): Promise<ClientDuplexStream<Buffer, Buffer>> {
    const metadata = await this.#metadata()
    metadata.set('hasleader', 'true')
    return this.#open().makeBidiStreamRequest(method, asIs, asIs, metadata)
  }

  /** What a stream has ended with. The next one goes to another member, with new credentials. */
  streamFailed(error: unknown): SourceFailure {
    this.#token = undefined
    const failure = this.#failureOf(error)
    if (failure.isPassing) {
      this.#nextMember()
    }
    return failure
  }

  close(): void {
    this.#client?.close()
    this.#client = undefined
  }

  #nextMember(): void {
    this.close()
    this.#place = (this.#place + 1) % this.#urls.length
  }

  async #callAsUser<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>>,
    msMax: number,
  ): Promise<ResponseOf<M>> {
    try {
      return await this.#callOnce(method, request, await this.#metadata(), msMax)
    } catch (error) {
      const isOld = error instanceof SourceFailure && OLD_CREDENTIALS.test(error.message)
      if (!isOld || this.#user === '') {
        throw error
      }
      this.#token = undefined
      return this.#callOnce(method, request, await this.#metadata(), msMax)
    }
  }

  #callOnce<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>>,
    metadata: Metadata,
    msMax: number,
  ): Promise<ResponseOf<M>> {
    const { promise, resolve, reject } = Promise.withResolvers<ResponseOf<M>>()
    const options = { deadline: Date.now() + msMax }
    const answered = (error: ServiceError | null, answer?: Buffer): void => {
      if (error === null && answer !== undefined) {
        resolve(decoded(method, answer))
      } else {
        reject(this.#failureOf(error))
      }
    }
    const bytes = encoded(method, request)
    this.#open().makeUnaryRequest(method, asIs, asIs, bytes, metadata, options, answered)
    return promise
  }

  /** Logs in where a user is given and has no token. */
  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata()
    if (this.#accessToken !== undefined) {
      metadata.set('authorization', this.#accessToken)
    }
    if (this.#user !== '' && this.#token === undefined) {
      this.#token = await this.#logIn(metadata)
    }
    if (this.#token !== undefined && this.#token !== '') {
      metadata.set('token', this.#token)
    }
    return metadata
  }

  /** The empty token of an etcd whose auth is off. */
  async #logIn(metadata: Metadata): Promise<string> {
    const asked = { name: this.#user, password: this.#password }
    try {
      const method = '/etcdserverpb.Auth/Authenticate'
      return (await this.#callOnce(method, asked, metadata, CALL_MS_MAX)).token
    } catch (error) {
      if (error instanceof SourceFailure && /authentication is not enabled/.test(error.message)) {
        return ''
      }
      throw error
    }
  }

  #open(): Client {
    const url = this.#urls[this.#place]
    if (url === undefined) {
      throw new Error('no URL is given')
    }
    const port = url.port || (url.protocol === 'https:' ? '443' : '80')
    const secure = url.protocol === 'https:' ? this.#secure : credentials.createInsecure()
    this.#client ??= new Client(`${url.hostname}:${port}`, secure, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': PING_MS,
      'grpc.use_local_subchannel_pool': 1,
    })
    return this.#client
  }

  #failureOf(error: unknown): SourceFailure {
    const told = error as Partial<ServiceError> | null
    const code = told?.code ?? Code.UNAVAILABLE
    const details = told?.details || told?.message || 'the stream has ended'
    const [, reason = details] = LAST_ERROR.exec(details) ?? []
    const isAway = code === Code.UNAVAILABLE && !details.startsWith('etcdserver:')
    return new SourceFailure(`${isAway ? 'cannot reach ' : ''}${this.shown}: ${reason}`, code)
  }
}

const asIs = (bytes: Buffer): Buffer => bytes

export function encoded<M extends MethodName>(method: M, request: Partial<RequestOf<M>>): Buffer {
  const type = rpcMethods[method].request as MessageType<object>
  return Buffer.from(encode(type, create(type, request)))
}

export function decoded<M extends MethodName>(method: M, bytes: Buffer): ResponseOf<M> {
  return decode(rpcMethods[method].response as MessageType<object>, bytes) as ResponseOf<M>
}

function secureOf(flags: MigrateFlags): ChannelCredentials {
  const [authorities, key, certificate] = [
    read(flags['from-cacert']),
    read(flags['from-key']),
    read(flags['from-cert']),
  ]
  try {
    return credentials.createSsl(authorities, key, certificate)
  } catch (error) {
    throw new Failure(`the source's TLS files: ${(error as Error).message}`)
  }
}

function read(path: string): Buffer | null {
  try {
    return path === '' ? null : readFileSync(path)
  } catch (error) {
    throw systemErrorCode(error) === undefined
      ? error
      : new Failure(`cannot read ${path}: ${systemErrorCode(error)}`)
  }
}
