import { principalOf } from '../../auth/principal.ts'
import type { ClusterNode } from '../../config/cluster.ts'
import type { Authority, Door } from '../../door/door.ts'
import { decode } from '../../protocol/binary.ts'
import { sendFrames } from '../../protocol/frame-socket.ts'
import {
  decodeCall,
  decodeCredit,
  encodeEnd,
  type Frame,
  type CallFrame,
  FrameError,
  FrameKind,
} from '../../protocol/frames.ts'
import {
  LeaderRequest,
  type ResponseHeader,
  WatchRequest,
} from '../../protocol/generated/messages.ts'
import { rpcMethods } from '../../protocol/generated/services.ts'
import type { MethodName } from '../../protocol/methods.ts'
import type { CallContext } from '../../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../../protocol/status.ts'
import type { V2KeysCall, V2UnreadableCall } from '../../protocol/v2-call.ts'
import { V2CallFrame } from '../../protocol/v2-frames.ts'
import { decodeV2Call, V2_METHOD } from '../../protocol/v2-wire.ts'
import type { CallsIn } from '../calls.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Metrics } from '../metrics.ts'
import { refusal as refused } from '../reply.ts'
import type { V2Calls } from '../v2/v2-calls.ts'
import { believedCall, believedKeys } from './believed.ts'
import { ObserveStream } from './observe-stream.ts'
import { ServerWatchStream } from './server-watch-stream.ts'
import { SessionCaller } from './session-caller.ts'
import type { SessionMemory } from './session-memory.ts'
import type { SessionOut } from './session-out.ts'
import type { Ready, SessionSocket } from './session-socket.ts'
import { refusalOf } from './stream-refusal.ts'
import type { Turn, Unflushed } from './turn.ts'
import { V2SessionCall } from './v2-session-call.ts'
import { WatchSink } from './watch-sink.ts'

const WATCH_METHOD = '/etcdserverpb.Watch/Watch'
const OBSERVE_METHOD = '/v3electionpb.Election/Observe'
/** Watch streams of one socket: one for an HTTP client, as many as it serves for a bridge. */
const STREAMS_MAX = 10_000
/**
 * Events that leave with a turn: thousands of streams may each have room for some, and all of them are
 * copied into messages at once.
 */
const EVENT_BYTES_MAX = 16 * 1024 * 1024
/** Calls under way on one socket. A bridge queues behind that by itself. */
const CALLS_MAX = 50_000

/** RFC 6455: this side has met what it did not expect. */
const CLOSE_INTERNAL_ERROR = 1011

/** What all sessions of a shard share. */
export interface SessionParts {
  readonly keyspace: Keyspace
  readonly metrics: Metrics
  readonly calls: CallsIn
  readonly v2Keys: V2Calls['keys']
  readonly door: Door
  readonly turn: Turn
  /** The node of that session has said that it is about to stop. */
  readonly nodeStops: (session: Session) => void
  /** So many links of others are connected now. */
  readonly linksChanged: (count: number) => void
  readonly ready: Ready
}

/** One socket, and the watch streams and calls that share it. */
export class Session implements SessionOut, Unflushed {
  /** What the socket's client may. */
  readonly authority: Authority
  /** Whether its client leaves when it is asked to. */
  readonly isLink: boolean
  readonly #parts: SessionParts
  readonly #socket: WebSocket
  /** Undefined where the socket does not hibernate. */
  readonly #memory: SessionMemory | undefined
  readonly #node: ClusterNode | undefined
  readonly #streams = new Map<number, ServerWatchStream>()
  readonly #calls = new Map<number, SessionCaller | ObserveStream | V2SessionCall>()
  /** Streams of which the socket has to remember something new. */
  readonly #changed = new Set<number>()
  /** Frames of this turn, which leave as one message. */
  #outgoing: Frame[] = []
  /** Of this turn too, of watch streams. */
  #events: Frame[] = []
  #eventBytes = 0

  constructor(parts: SessionParts, { socket, authority, memory, node, isLink }: SessionSocket) {
    this.isLink = isLink ?? false
    this.#parts = parts
    this.#socket = socket
    this.authority = authority
    this.#memory = memory
    this.#node = node
  }

  /** Opens the streams that the socket remembers. */
  restore(memory: SessionMemory): void {
    const { door } = this.#parts
    for (const [stream, { watchers, nextWatchId, access, ...context }] of memory.load()) {
      const authority = access === undefined ? this.authority : door.recalled(access)
      door.expects(authority)
      this.#openWatch(stream, context, authority).watch.restore(watchers, nextWatchId)
    }
  }

  /** A promise only where the frame has to wait for a JWT. Throws a FrameError. */
  receive(frame: Frame): Promise<void> | undefined {
    const open = this.#streams.get(frame.stream)
    switch (frame.kind) {
      case FrameKind.CALL:
        this.#call(frame)
        break
      case FrameKind.OPEN:
        this.#open(frame)
        break
      case FrameKind.DATA:
        return open && this.#request(open, frame)
      case FrameKind.END:
        this.#endWatch(frame.stream, Code.CANCELED)
        this.#cancel(frame.stream)
        break
      case FrameKind.LENGTH:
        this.#measure(frame.stream)
        break
      case FrameKind.PROBE:
        this.sendSoon(frame)
        break
      case FrameKind.LEAVE:
        this.#parts.nodeStops(this)
        break
      case FrameKind.CREDIT:
        this.#calls.get(frame.stream)?.credit(decodeCredit(frame.payload))
        if (open?.sink.credit(decodeCredit(frame.payload)) === true) {
          this.#parts.keyspace.hub.drained(open.watch)
        }
        break
      default:
        throw new FrameError(`frame kind ${frame.kind} is not known`)
    }
    return undefined
  }

  #call(frame: Frame): void {
    const { stream } = frame
    this.#requireNew(stream)
    if (this.#calls.size >= CALLS_MAX) {
      const message = `a socket carries at most ${CALLS_MAX} calls at once`
      this.#refuseCall(stream, new RpcStatus(Code.RESOURCE_EXHAUSTED, message))
    } else if (frame instanceof V2CallFrame) {
      this.#v2(stream, frame.call.context, () => frame.call.keys)
    } else {
      this.#decodedCall(stream, this.#decoded(frame.payload))
    }
  }

  #decodedCall(stream: number, { method, request, context }: CallFrame): void {
    if (method === V2_METHOD) {
      this.#v2(stream, context, () => decodeV2Call(request))
    } else if (!isMethod(method)) {
      this.#refuseCall(stream, new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${method}`))
    } else if (method === OBSERVE_METHOD) {
      this.#observe(stream, request, context)
    } else {
      const { calls } = this.#parts
      const call = { method, request, context }
      const caller = new SessionCaller(calls, call, stream, this)
      this.#calls.set(stream, caller)
      calls.start(call, caller, this.authority)
    }
  }

  #v2(stream: number, context: CallContext, read: () => V2KeysCall | V2UnreadableCall): void {
    const caller = new V2SessionCall(context, stream, this)
    this.#calls.set(stream, caller)
    let call: ReturnType<typeof believedKeys>
    try {
      call = believedKeys(read(), this.authority)
    } catch {
      caller.answered(refused(statusOf('unreadable-request')))
      return
    }
    this.#parts.v2Keys(call, {
      context,
      session: this.authority,
      answered: (answer) => caller.answered(answer),
    })
  }

  #decoded(payload: Uint8Array): CallFrame {
    return believedCall(decodeCall(payload), { authority: this.authority, node: this.#node })
  }

  header(): ResponseHeader {
    const { keyspace } = this.#parts
    const header = keyspace.header()
    return { ...header, memberId: this.member ?? header.memberId }
  }

  /** Which member the socket's node is. */
  get member(): bigint | undefined {
    return this.#node && this.#parts.keyspace.nodes?.idOf(this.#node)
  }

  /** The node of a cluster that has opened it, by the id of its own. */
  get node(): string | undefined {
    return this.#node?.id
  }

  /** Its client is to send no more, and to close it when it has been answered. */
  leave(): void {
    this.sendSoon({ kind: FrameKind.LEAVE, stream: 0, payload: new Uint8Array(0) })
  }

  /** The node is to do something about the keyspace: the code says what. */
  endNode(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  #measure(stream: number): void {
    const call = this.#calls.get(stream)
    if (call instanceof SessionCaller) {
      call.measure()
    }
  }

  #requireNew(stream: number): void {
    if (this.#streams.has(stream) || this.#calls.has(stream)) {
      throw new FrameError(`stream ${stream} is open`)
    }
  }

  #observe(stream: number, request: Uint8Array, context: CallContext): void {
    const { keyspace, metrics } = this.#parts
    const observes = metrics.ofCall(OBSERVE_METHOD, context, this.authority)
    const started = observes.begin()
    observes.receive(request.length)
    let name: Uint8Array
    try {
      this.#admit(OBSERVE_METHOD, context)
      name = decode(LeaderRequest, request).name
    } catch (error) {
      const refusal = refusalOf(error)
      observes.ended(refusal.code, performance.now() - started)
      this.#refuseCall(stream, refusal)
      return
    }
    const call = new ObserveStream(
      keyspace,
      { name, stream, context, metrics: observes, started },
      this,
    )
    this.#calls.set(stream, call)
    const ready = this.#parts.ready('linearizable', context)
    call.open(
      ready === undefined
        ? principalOf(keyspace, context)
        : ready.then(() => principalOf(keyspace, context)),
    )
  }

  /** Whether a stream may begin. Throws an RpcStatus. */
  #admit(method: MethodName, context: CallContext): Authority {
    const { door } = this.#parts
    const authority = door.authorityOf(context, this.authority)
    door.admit(authority, method, {})
    return authority
  }

  #refuseCall(stream: number, { code, message }: RpcStatus): void {
    this.send({ kind: FrameKind.ANSWER, stream, payload: encodeEnd(code, message) })
  }

  #cancel(stream: number): void {
    this.#calls.get(stream)?.cancel()
    this.#calls.delete(stream)
  }

  #open({ stream, payload }: Frame): void {
    const { method, context } = this.#decoded(payload)
    this.#requireNew(stream)
    if (method !== WATCH_METHOD) {
      this.#refuseWatch(stream, Code.UNIMPLEMENTED, `unknown stream ${method}`)
      return
    }
    if (this.#streams.size >= STREAMS_MAX) {
      const message = `a socket carries at most ${STREAMS_MAX} streams`
      this.#refuseWatch(stream, Code.RESOURCE_EXHAUSTED, message)
      return
    }
    let authority: Authority
    try {
      authority = this.#admit(WATCH_METHOD, context)
    } catch (error) {
      const { code, message } = refusalOf(error)
      this.#refuseWatch(stream, code, message)
      return
    }
    this.#openWatch(stream, context, authority)
    this.changed(stream)
  }

  #openWatch(
    stream: number,
    context: ServerWatchStream['context'],
    authority: Authority,
  ): ServerWatchStream {
    const { keyspace, metrics } = this.#parts
    const watches = metrics.ofCall(WATCH_METHOD, {}, this.authority)
    const sink = new WatchSink(stream, this, { watches, sent: metrics.watch })
    const started = watches.begin()
    const open = new ServerWatchStream(keyspace, { sink, context, authority, started })
    this.#streams.set(stream, open)
    return open
  }

  #request(open: ServerWatchStream, frame: Frame): Promise<void> | undefined {
    const { metrics } = this.#parts
    metrics.of(WATCH_METHOD).receive(frame.payload.length)
    let request: WatchRequest
    try {
      this.#parts.door.requireAlive(open.authority)
      request = decode(WatchRequest, frame.payload)
    } catch (error) {
      const { code, message } = refusalOf(error)
      this.#refuseWatch(frame.stream, code, message)
      return undefined
    }
    const begun = performance.now()
    const ready =
      request.createRequest === undefined ? undefined : this.#parts.ready('serializable', {})
    const verifying = open.request(request, ready)
    if (request.createRequest !== undefined) {
      metrics.watch.controlSeconds.observe((performance.now() - begun) / 1000)
    }
    return verifying
  }

  #refuseWatch(stream: number, code: Code, message: string): void {
    this.send({ kind: FrameKind.END, stream, payload: encodeEnd(code, message) })
    this.#endWatch(stream, code)
  }

  #endWatch(stream: number, code: Code): void {
    const open = this.#streams.get(stream)
    if (open !== undefined) {
      this.#drop(open, code)
      this.#memory?.change(stream, open.watch.takeChanges(), undefined)
      this.#streams.delete(stream)
      this.#parts.turn.touch(this)
    }
  }

  #drop(open: ServerWatchStream, code: Code): void {
    open.close()
    this.#parts.metrics.of(WATCH_METHOD).ended(code, performance.now() - open.started)
  }

  /** Events leave behind the answers of their turn: a writer waits for its answer, and is one alone. */
  send(frame: Frame): void {
    if (this.#streams.has(frame.stream)) {
      this.#events.push(frame)
      this.#eventBytes += frame.payload.length
    } else {
      this.#outgoing.push(frame)
    }
    this.#parts.turn.touch(this)
  }

  get full(): boolean {
    return this.#eventBytes >= EVENT_BYTES_MAX
  }

  sendSoon(frame: Frame): void {
    this.#outgoing.push(frame)
    this.#parts.turn.touchSoon(this)
  }

  changed(stream: number): void {
    this.#changed.add(stream)
    this.#parts.turn.touch(this)
  }

  ended(stream: number): void {
    this.#calls.delete(stream)
  }

  /** The socket is gone. */
  close(): void {
    for (const open of this.#streams.values()) {
      this.#drop(open, Code.CANCELED)
    }
    for (const call of this.#calls.values()) {
      call.cancel()
    }
    this.#memory?.forget()
    this.#parts.turn.forget(this)
  }

  /** Ends everything that is open. */
  end(status: RpcStatus): void {
    for (const stream of this.#calls.keys()) {
      this.#refuseCall(stream, status)
      this.#cancel(stream)
    }
    for (const stream of this.#streams.keys()) {
      this.#refuseWatch(stream, status.code, status.message)
    }
  }

  /** Ends streams and calls that had an access token of their own, which is no more. */
  endDead(): void {
    const { door } = this.#parts
    const ended = statusOf('access-token-invalid')
    for (const [stream, { authority }] of this.#streams) {
      if (door.isAlive(authority)) {
        door.expects(authority)
      } else {
        this.#refuseWatch(stream, ended.code, ended.message)
      }
    }
    for (const [stream, { context }] of this.#calls) {
      try {
        door.authorityOf(context, this.authority)
      } catch (error) {
        this.#cancel(stream)
        this.#refuseCall(stream, refusalOf(error))
      }
    }
  }

  /** What is to be sent goes out, in one message where it fits, and the socket is told what to remember. */
  flush(): void {
    const outgoing =
      this.#events.length === 0 ? this.#outgoing : this.#outgoing.concat(this.#events)
    const wasFull = this.full
    this.#outgoing = []
    this.#events = []
    this.#eventBytes = 0
    // A socket that is closing takes nothing any more; its close event ends the session.
    if (outgoing.length > 0 && this.#socket.readyState === WebSocket.OPEN) {
      sendFrames(this.#socket, outgoing)
    }
    this.#remember()
    if (wasFull) {
      this.#drained()
    }
  }

  /** Watchers that have fallen behind for want of room go on. */
  #drained(): void {
    for (const { watch } of this.#streams.values()) {
      this.#parts.keyspace.hub.drained(watch)
    }
  }

  lost(): void {
    this.#socket.close(CLOSE_INTERNAL_ERROR, 'internal error')
  }

  #remember(): void {
    for (const stream of this.#changed) {
      const open = this.#streams.get(stream)
      if (open !== undefined) {
        const { nextWatchId } = open.watch
        const { token, commonName } = open.context
        const own = open.authority === this.authority ? undefined : open.authority
        const access = own && this.#parts.door.remembered(own)
        // They are taken, or they would gather, whether anybody remembers them or not.
        const changes = open.watch.takeChanges()
        this.#memory?.change(stream, changes, { nextWatchId, token, commonName, access })
      }
    }
    this.#changed.clear()
    this.#memory?.save()
  }
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(rpcMethods, name)
}
