import { type Principal, principalOf, type UserContext } from '../../auth/principal.ts'
import type { Authority } from '../../door/door.ts'
import { EngineError } from '../../mvcc/errors.ts'
import { ROW_BYTES_MAX } from '../../mvcc/value-parts.ts'
import type { WatchStream } from '../../mvcc/watch-stream.ts'
import type { WatchCreateRequest, WatchRequest } from '../../protocol/generated/messages.ts'
import { codeName, fromEngineError, RpcStatus } from '../../protocol/status.ts'
import type { Keyspace } from '../keyspace.ts'
import type { WatchSink } from './watch-sink.ts'

/** What a watch stream is opened with. */
export interface ServerWatchStreamOptions {
  readonly sink: WatchSink
  /** Who its user is, for every watch that is created on the stream. */
  readonly context: UserContext
  /** That of the session, or of the access token that the stream was opened with. */
  readonly authority: Authority
  /** What the metrics have answered to its beginning. */
  readonly started: number
}

/**
 * A client's watch stream, as the server has it (etcd's serverWatchStream). Whether it may watch is asked when a watch is created, by the token that
 * the stream was opened with, and never again: what is taken away later does not end a watch.
 */
export class ServerWatchStream {
  readonly sink: WatchSink
  readonly watch: WatchStream
  readonly context: UserContext
  readonly authority: Authority
  readonly started: number
  readonly #keyspace: Keyspace
  /** Requests go in their order, so others wait behind one whose token is being verified. */
  #verifying: Promise<void> | undefined
  #closed = false

  constructor(keyspace: Keyspace, { sink, context, authority, started }: ServerWatchStreamOptions) {
    this.#keyspace = keyspace
    this.sink = sink
    this.watch = keyspace.hub.open(sink)
    this.context = context
    this.authority = authority
    this.started = started
  }

  /** A promise only where the request has to wait for a JWT, or until it may be answered here. */
  request(request: WatchRequest, ready?: Promise<void>): Promise<void> | undefined {
    const principal = request.createRequest === undefined ? undefined : this.#principal(ready)
    if (this.#verifying === undefined && !(principal instanceof Promise)) {
      this.#take(request, principal)
      return undefined
    }
    const verifying = this.#takeLater(request, principal, this.#verifying)
    this.#verifying = verifying
    return verifying
  }

  #principal(ready: Promise<void> | undefined): Principal | Promise<Principal> {
    return ready === undefined
      ? principalOf(this.#keyspace, this.context)
      : ready.then(() => principalOf(this.#keyspace, this.context))
  }

  async #takeLater(
    request: WatchRequest,
    principal: Principal | Promise<Principal> | undefined,
    before: Promise<void> | undefined,
  ): Promise<void> {
    let known: Principal | undefined
    let refusal: RpcStatus | undefined
    try {
      known = await principal
    } catch (error) {
      if (!(error instanceof RpcStatus)) {
        throw error
      }
      refusal = error
    }
    await before
    if (this.#closed) {
      return
    }
    if (refusal === undefined) {
      this.#take(request, known)
    } else {
      this.watch.refuse(textOf(refusal))
    }
  }

  #take(
    { createRequest, cancelRequest, progressRequest }: WatchRequest,
    principal: Principal | undefined,
  ): void {
    if (createRequest !== undefined && principal !== undefined) {
      this.#create(createRequest, principal)
    } else if (cancelRequest !== undefined) {
      this.watch.cancel(cancelRequest.watchId)
    } else if (progressRequest !== undefined) {
      this.watch.progress()
    }
  }

  #create(createRequest: WatchCreateRequest, principal: Principal): void {
    try {
      principal.authenticate()
      principal.authorize('/etcdserverpb.Watch/Watch', { createRequest })
      requireRememberable(createRequest)
    } catch (error) {
      if (!(error instanceof EngineError)) {
        throw error
      }
      this.watch.refuse(reasonOf(error))
      return
    }
    this.watch.create(createRequest)
  }

  close(): void {
    this.#closed = true
    this.#keyspace.hub.close(this.watch)
  }
}

/** What survives hibernation is a row (session-memory.ts). */
function requireRememberable({ key, rangeEnd }: WatchCreateRequest): void {
  if (key.length + rangeEnd.length > ROW_BYTES_MAX) {
    throw new EngineError('request-too-large')
  }
}

/** As Go prints the error of a call (api/v3rpc/watch.go). */
function reasonOf(error: EngineError): string {
  return textOf(fromEngineError(error))
}

function textOf({ code, message }: RpcStatus): string {
  return `rpc error: code = ${codeName(code)} desc = ${message}`
}
