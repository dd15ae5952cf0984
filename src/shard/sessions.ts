import { decode } from '../protocol/binary.ts'
import {
  decodeCall,
  decodeCredit,
  decodeFrames,
  encodeEnd,
  encodeFrames,
  type Frame,
  type FrameCall,
  FrameError,
  FrameKind,
  messagesOf,
} from '../protocol/frames.ts'
import { LeaderRequest, type ResponseHeader, WatchRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext, ShardCall } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import type { Calls } from './calls.ts'
import { type Authority, type Door, hibernates, trustsCommonNames } from './door.ts'
import type { Keyspace } from './keyspace.ts'
import type { Metrics } from './metrics.ts'
import { ObserveCall } from './observe-call.ts'
import { principalOf } from './principal.ts'
import { SessionCall } from './session-call.ts'
import { SessionMemory } from './session-memory.ts'
import { WatchCall } from './watch-call.ts'
import { WatchSink } from './watch-sink.ts'

const WATCH_METHOD = '/etcdserverpb.Watch/Watch'
const OBSERVE_METHOD = '/v3electionpb.Election/Observe'
/** Watch streams of one socket: one for an HTTP client, as many as it serves for a bridge. */
const STREAMS_MAX = 10_000
/** Calls under way on one socket. A bridge queues behind that by itself. */
const CALLS_MAX = 50_000
/** RFC 6455: the peer sent what this side cannot take. */
const CLOSE_PROTOCOL_ERROR = 1002
/** The peer's access token is no more. */
const CLOSE_POLICY_VIOLATION = 1008

/** One socket, and the watch streams and calls that share it. */
interface Session {
  readonly socket: WebSocket
  readonly authority: Authority
  /** Undefined where the socket does not hibernate. */
  readonly memory: SessionMemory | undefined
  readonly streams: Map<number, WatchCall>
  readonly calls: Map<number, SessionCall | ObserveCall>
  /** Streams of which the socket has to remember something new. */
  readonly changed: Set<number>
  /** Frames of this turn, which leave as one message. */
  outgoing: Frame[]
}

/**
 * The sockets of gateways and bridges. All but the server's own link hibernate: while nothing happens
 * the object is not in memory, and after it wakes the sessions are made anew from what each socket
 * remembers.
 */
export class Sessions {
  readonly #keyspace: Keyspace
  readonly #metrics: Metrics
  readonly #calls: Calls
  readonly #door: Door
  readonly #sessions = new Map<WebSocket, Session>()
  readonly #touched = new Set<Session>()

  constructor(keyspace: Keyspace, metrics: Metrics, calls: Calls, door: Door) {
    this.#keyspace = keyspace
    this.#metrics = metrics
    this.#calls = calls
    this.#door = door
  }

  /** After a start: the sockets that outlived the object's memory. */
  restore(sockets: readonly WebSocket[]): void {
    SessionMemory.forgetOthers(this.#keyspace.sql, sockets)
    for (const socket of sockets) {
      const memory = new SessionMemory(this.#keyspace.sql, socket)
      const session = this.#join(socket, this.#door.recalled(memory.access), memory)
      for (const [stream, { watchers, nextWatchId, access, ...context }] of memory.load()) {
        const authority = access === undefined ? session.authority : this.#door.recalled(access)
        this.#door.expects(authority)
        this.#open(session, stream, { authority, context }).watch.restore(watchers, nextWatchId)
      }
    }
  }

  accept(socket: WebSocket, authority: Authority): void {
    const memory = hibernates(authority)
      ? new SessionMemory(this.#keyspace.sql, socket, this.#door.remembered(authority))
      : undefined
    this.#join(socket, authority, memory)
  }

  #join(socket: WebSocket, authority: Authority, memory: SessionMemory | undefined): Session {
    const session: Session = {
      socket,
      authority,
      memory,
      streams: new Map(),
      calls: new Map(),
      changed: new Set(),
      outgoing: [],
    }
    this.#sessions.set(socket, session)
    this.#door.expects(authority)
    return session
  }

  /** Resolves when all of the message's watch requests are answered, some of which may wait for a JWT. */
  receive(socket: WebSocket, message: string | ArrayBuffer): Promise<unknown> | undefined {
    const session = this.#sessions.get(socket)
    if (session === undefined) {
      // It was closed here, and the peer has yet to hear of it.
      return undefined
    }
    const waiting: Promise<void>[] = []
    try {
      if (typeof message === 'string') {
        throw new FrameError('a text message, where frames are binary')
      }
      for (const frame of decodeFrames(new Uint8Array(message))) {
        const later = this.#take(session, frame)
        if (later !== undefined) {
          waiting.push(later)
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error
      }
      socket.close(CLOSE_PROTOCOL_ERROR, error.message)
      this.close(socket)
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting)
  }

  #take(session: Session, frame: Frame): Promise<void> | undefined {
    const stream = session.streams.get(frame.stream)
    switch (frame.kind) {
      case FrameKind.CALL:
        this.#call(session, frame)
        break
      case FrameKind.OPEN:
        this.#accept(session, frame)
        break
      case FrameKind.DATA:
        return stream && this.#request(session, stream, frame)
      case FrameKind.END:
        this.#end(session, frame.stream, Code.CANCELED)
        this.#cancel(session, frame.stream)
        break
      case FrameKind.CREDIT:
        session.calls.get(frame.stream)?.credit(decodeCredit(frame.payload))
        if (stream?.sink.credit(decodeCredit(frame.payload)) === true) {
          this.#keyspace.hub.drained(stream.watch)
        }
        break
      default:
        throw new FrameError(`frame kind ${frame.kind} is not known`)
    }
    return undefined
  }

  #call(session: Session, { stream, payload }: Frame): void {
    const { method, request, context } = this.#decode(session, payload)
    requireNew(session, stream)
    if (session.calls.size >= CALLS_MAX) {
      const message = `a socket carries at most ${CALLS_MAX} calls at once`
      this.#answer(session, stream, new RpcStatus(Code.RESOURCE_EXHAUSTED, message))
    } else if (!isMethod(method)) {
      this.#answer(session, stream, new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${method}`))
    } else if (method === OBSERVE_METHOD) {
      this.#observe(session, stream, { request, context })
    } else {
      const call = new SessionCall(this.#calls, { method, request, context }, stream, {
        authority: session.authority,
        send: (frame) => this.#sendSoon(session, frame),
        ended: () => session.calls.delete(stream),
      })
      session.calls.set(stream, call)
      call.start()
    }
  }

  /** Which certificate a user has shown counts only where it is said by who may. */
  #decode({ authority }: Session, payload: Uint8Array): FrameCall {
    const call = decodeCall(payload)
    return call.context.commonName === undefined || trustsCommonNames(authority)
      ? call
      : { ...call, context: { ...call.context, commonName: undefined } }
  }

  #observe(
    session: Session,
    stream: number,
    { request, context }: Pick<ShardCall, 'request' | 'context'>,
  ): void {
    const started = this.#metrics.started(OBSERVE_METHOD)
    const handled = (code: Code): void => this.#metrics.ended(OBSERVE_METHOD, started, code)
    let name: Uint8Array
    try {
      this.#admit(session, OBSERVE_METHOD, context)
      name = decode(LeaderRequest, request).name
    } catch (error) {
      const refusal = refusalOf(error)
      handled(refusal.code)
      this.#answer(session, stream, refusal)
      return
    }
    const call = new ObserveCall(
      this.#keyspace,
      { name, stream, context, handled },
      {
        authority: session.authority,
        send: (frame) => this.#sendSoon(session, frame),
        ended: () => session.calls.delete(stream),
      },
    )
    session.calls.set(stream, call)
    call.open(principalOf(this.#keyspace, context))
  }

  /** Whether a stream may begin. Throws an RpcStatus. */
  #admit(session: Session, method: MethodName, context: CallContext): Authority {
    const authority = this.#door.authorityOf(context, session.authority)
    this.#door.admit(authority, method, {})
    return authority
  }

  #answer(session: Session, stream: number, { code, message }: RpcStatus): void {
    this.#send(session, { kind: FrameKind.ANSWER, stream, payload: encodeEnd(code, message) })
  }

  #cancel(session: Session, stream: number): void {
    session.calls.get(stream)?.cancel()
    session.calls.delete(stream)
  }

  #accept(session: Session, frame: Frame): void {
    const { method, context } = this.#decode(session, frame.payload)
    requireNew(session, frame.stream)
    if (method !== WATCH_METHOD) {
      this.#refuse(session, frame.stream, Code.UNIMPLEMENTED, `unknown stream ${method}`)
    } else if (session.streams.size >= STREAMS_MAX) {
      const message = `a socket carries at most ${STREAMS_MAX} streams`
      this.#refuse(session, frame.stream, Code.RESOURCE_EXHAUSTED, message)
    } else {
      this.#begin(session, frame.stream, context)
    }
  }

  #begin(session: Session, stream: number, context: CallContext): void {
    let authority: Authority
    try {
      authority = this.#admit(session, WATCH_METHOD, context)
    } catch (error) {
      const { code, message } = refusalOf(error)
      this.#refuse(session, stream, code, message)
      return
    }
    this.#open(session, stream, { authority, context })
    session.changed.add(stream)
    this.#touched.add(session)
  }

  #open(
    session: Session,
    stream: number,
    { authority, context }: Pick<WatchCall, 'authority' | 'context'>,
  ): WatchCall {
    const header = (revision: number): ResponseHeader => ({ ...this.#keyspace.header(), revision })
    const sink = new WatchSink({
      header,
      send: (payload) => this.#send(session, { kind: FrameKind.DATA, stream, payload }),
      changed: () => {
        session.changed.add(stream)
        this.#touched.add(session)
      },
    })
    const started = this.#metrics.started(WATCH_METHOD)
    const open = new WatchCall(this.#keyspace, { sink, context, authority, started })
    session.streams.set(stream, open)
    return open
  }

  #request(session: Session, open: WatchCall, frame: Frame): Promise<void> | undefined {
    let request: WatchRequest
    try {
      this.#door.requireAlive(open.authority)
      request = decode(WatchRequest, frame.payload)
    } catch (error) {
      const { code, message } = refusalOf(error)
      this.#refuse(session, frame.stream, code, message)
      return undefined
    }
    return open.request(request)
  }

  #refuse(session: Session, stream: number, code: number, message: string): void {
    this.#send(session, { kind: FrameKind.END, stream, payload: encodeEnd(code, message) })
    this.#end(session, stream, code)
  }

  #end(session: Session, stream: number, code: number): void {
    const open = session.streams.get(stream)
    if (open !== undefined) {
      this.#drop(open, code)
      session.memory?.change(stream, open.watch.takeChanges(), undefined)
      session.streams.delete(stream)
      this.#touched.add(session)
    }
  }

  #drop(open: WatchCall, code: number): void {
    open.close()
    this.#metrics.ended(WATCH_METHOD, open.started, code)
  }

  #send(session: Session, frame: Frame): void {
    session.outgoing.push(frame)
    this.#touched.add(session)
  }

  /** Answers that no turn's end would send leave when all has run that can run now. */
  #sendSoon(session: Session, frame: Frame): void {
    if (this.#touched.size === 0) {
      void this.#flushSoon()
    }
    this.#send(session, frame)
  }

  /** A promise costs a fifth of a queueMicrotask, for which workerd makes a function of its own. */
  async #flushSoon(): Promise<void> {
    await Promise.resolve()
    this.flush()
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    const session = this.#sessions.get(socket)
    if (session === undefined) {
      return
    }
    for (const open of session.streams.values()) {
      this.#drop(open, Code.CANCELED)
    }
    for (const call of session.calls.values()) {
      call.cancel()
    }
    session.memory?.forget()
    this.#sessions.delete(socket)
    this.#touched.delete(session)
  }

  /** Ends everything that is open, and every socket remembers nothing. */
  end(status: RpcStatus): void {
    for (const session of this.#sessions.values()) {
      for (const stream of session.calls.keys()) {
        this.#answer(session, stream, status)
        this.#cancel(session, stream)
      }
      for (const stream of session.streams.keys()) {
        this.#refuse(session, stream, status.code, status.message)
      }
    }
    this.flush()
  }

  /**
   * Ends what lived by an access token that is no more: whole sockets, or streams and calls that had
   * one of their own.
   */
  endDead(): void {
    const dead: WebSocket[] = []
    this.#door.expectsNothing()
    for (const session of this.#sessions.values()) {
      this.#endDeadOf(session)
      if (this.#door.isAlive(session.authority)) {
        this.#door.expects(session.authority)
      } else {
        dead.push(session.socket)
      }
    }
    this.flush()
    for (const socket of dead) {
      socket.close(CLOSE_POLICY_VIOLATION, statusOf('access-token-invalid').message)
      this.close(socket)
    }
  }

  #endDeadOf(session: Session): void {
    const ended = statusOf('access-token-invalid')
    for (const [stream, { authority }] of session.streams) {
      if (this.#door.isAlive(authority)) {
        this.#door.expects(authority)
      } else {
        this.#refuse(session, stream, ended.code, ended.message)
      }
    }
    for (const [stream, { context }] of session.calls) {
      try {
        this.#door.authorityOf(context, session.authority)
      } catch (error) {
        this.#cancel(session, stream)
        this.#answer(session, stream, refusalOf(error))
      }
    }
  }

  /**
   * Ends a turn: what watchers are sent goes out, one message a socket, and each socket is told
   * what to remember. workerd holds the messages back until the turn's writes are durable, so no
   * watcher hears of a revision that could be lost.
   */
  flush(): void {
    for (const session of this.#touched) {
      const { socket, outgoing } = session
      session.outgoing = []
      // A socket that is closing takes nothing any more; its close event ends the session.
      if (outgoing.length > 0 && socket.readyState === WebSocket.OPEN) {
        messagesOf(outgoing).forEach((message) => socket.send(encodeFrames(message)))
      }
      this.#remember(session)
    }
    this.#touched.clear()
  }

  #remember({ authority, memory, streams, changed }: Session): void {
    for (const stream of changed) {
      const open = streams.get(stream)
      if (open !== undefined) {
        const { nextWatchId } = open.watch
        const { token, commonName } = open.context
        const own = open.authority === authority ? undefined : open.authority
        const access = own && this.#door.remembered(own)
        // They are taken, or they would gather, whether anybody remembers them or not.
        const changes = open.watch.takeChanges()
        memory?.change(stream, changes, { nextWatchId, token, commonName, access })
      }
    }
    changed.clear()
    memory?.save()
  }
}

function requireNew({ streams, calls }: Session, stream: number): void {
  if (streams.has(stream) || calls.has(stream)) {
    throw new FrameError(`stream ${stream} is open`)
  }
}

/** What refuses a stream or a call before it has begun; any other error is thrown on. */
function refusalOf(error: unknown): RpcStatus {
  if (error instanceof RpcStatus) {
    return error
  }
  if (error instanceof WireError) {
    return statusOf('unreadable-request')
  }
  throw error
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(rpcMethods, name)
}
