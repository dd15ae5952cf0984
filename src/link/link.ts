import { type Frame, FrameKind } from '../protocol/frames.ts'
import type { Call, CallContext } from '../protocol/shard-rpc.ts'
import { type RpcStatus, statusOf } from '../protocol/status.ts'
import type { LinkCall } from '../protocol/v2-wire.ts'
import { StreamAnswerReader, WholeAnswerReader } from './answer-readers.ts'
import { AskedStream, type AskedLink } from './asked-stream.ts'
import { Backoff } from './backoff.ts'
import { Batches } from './batches.ts'
import type { LinkConnection, LinkRoute, SocketEnd, SocketListener } from './connection.ts'
import { PendingAnswers, PendingAnswer } from './pending-answers.ts'
import type {
  AnswerHandle,
  AnswerReader,
  StreamHandle,
  StreamReader,
  Upstream,
  WatchHandle,
  WatchOptions,
} from './upstream.ts'
import { LinkWatch, type WatchLink } from './watch.ts'

/** Behind that, calls wait here and not in the connection, where nothing can be taken back. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024
/** How often it is looked after who has waited for a link too long. */
const DOWN_CHECK_MS = 250
/** Without a link for so long there is no leader: about three elections of etcd. */
const LEADER_MS_MAX = 3_000
/** How often watches are asked where they are, if anything has happened. */
const WATCH_PROGRESS_MS = 60_000
/**
 * A connection that has lasted so long, or has brought something, was a good one: the next try
 * comes soon.
 */
const LASTING_MS = 1_000

/** How long what was sent may take to be answered when the shard is to leave its node. */
const LEAVING_MS_MAX = 4_000
/** Until the node has let go of it, as a rule. Who asks for it before waits there. */
const LEFT_MS = 700

const NO_BYTES = new Uint8Array(0)

export interface LinkOptions {
  readonly route: LinkRoute
  /** Such as `http://127.0.0.1:2379`: what MemberList answers where nothing else is set. */
  readonly clientUrls: string
  /** This node is no member of its cluster any more, or never was. */
  readonly removed?: (reason: string) => void
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, string>>,
  ) => void
}

/** The upstream refuses this bridge for good; the message is a line to be shown. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
}

/**
 * The way to one keyspace: all calls and watches of a bridge share a connection, whose messages are
 * frames (protocol/frames.ts). It is replaced when it is lost, which clients notice as a delay: calls
 * wait, reads are repeated, watches go on at their next revision. Only a write that was under way
 * fails, as it does in etcd, because it may have been done.
 */
export class Link implements Upstream {
  readonly #options: LinkOptions
  readonly #calls = new PendingAnswers()
  readonly #watches = new Set<LinkWatch>()
  readonly #streams = new Map<number, LinkWatch>()
  readonly #batches = new Batches((withCalls) => this.#send(withCalls))
  readonly #backoff = new Backoff()
  #started: PromiseWithResolvers<void> | undefined
  readonly #watchLink: WatchLink
  readonly #askedLink: AskedLink
  #connection: LinkConnection | undefined
  #replica: string | undefined
  #open = false
  #openedAt = 0
  #closed = false
  /** Frames that are not calls, of the connection that is open. */
  #frames: Frame[] = []
  #lastStream = 0
  #lastMessage = 0
  #downSince = 0
  #downChecks: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #watchProgress: NodeJS.Timeout | undefined
  /** Something has come since the watches were last asked for their progress. */
  #heard = false
  #said = ''
  /** The keyspace is not there: nothing waits for it to come. */
  #missing = false
  /** Nothing more is sent on the connection; it is replaced by then. */
  #leaving: NodeJS.Timeout | undefined
  /**
   * The keyspace has left its node on purpose, and the next connection only finds where it is: if it was asked
   * for too early it leads there by way of that node, and ends with it. The one behind that is direct.
   */
  #isFinding = false
  /** This node is about to stop, and resolves when the others have left its shard. */
  #stopping: PromiseWithResolvers<void> | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#watchLink = {
      openStream: (watch) => this.#openStream(watch),
      closeStream: (stream) => this.#streams.delete(stream),
      send: (frame) => this.#queue(frame),
      ended: (watch) => this.#watches.delete(watch),
    }
    this.#askedLink = {
      isPending: (stream) => this.#calls.has(stream),
      cancel: (stream) => this.#cancel(stream),
      send: (frame) => this.#queue(frame),
    }
  }

  /**
   * Resolves when the upstream is reached for the first time, however long that takes. Rejects with
   * a LinkError where it refuses us: a wrong token, another version of the protocol, or no such
   * route.
   */
  start(): Promise<void> {
    this.#started = Promise.withResolvers<void>()
    this.#goDown()
    this.#connect()
    this.#watchProgress = setInterval(() => this.#askProgress(), WATCH_PROGRESS_MS)
    return this.#started.promise
  }

  call(call: Call, signal: AbortSignal | undefined): Promise<readonly Uint8Array[]> {
    if (signal?.aborted === true) {
      return Promise.reject(statusOf('canceled'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Uint8Array[]>()
    const abort = (): void => {
      asked.cancel()
      reject(statusOf('canceled'))
    }
    const answered = (parts: readonly Uint8Array[]): void => {
      signal?.removeEventListener('abort', abort)
      resolve(parts)
    }
    const failed = (status: RpcStatus): void => {
      signal?.removeEventListener('abort', abort)
      reject(status)
    }
    signal?.addEventListener('abort', abort, { once: true })
    const answer = new WholeAnswerReader(answered, failed, (bytes) => asked.taken(bytes))
    const asked = this.ask(call, answer)
    return promise
  }

  stream(call: Call, reader: StreamReader): StreamHandle {
    return this.ask(call, new StreamAnswerReader(reader))
  }

  ask(call: LinkCall, reader: AnswerReader): AnswerHandle {
    const stream = this.#newStream()
    this.#begin(stream, call, reader)
    return new AskedStream(this.#askedLink, stream)
  }

  watch(context: CallContext, reader: StreamReader, { requireLeader }: WatchOptions): WatchHandle {
    const watch = new LinkWatch(this.#watchLink, reader, { context, requireLeader })
    this.#watches.add(watch)
    const refusal =
      this.#refusal ?? (requireLeader && this.#leaderless ? statusOf('no-leader') : undefined)
    if (refusal !== undefined) {
      queueMicrotask(() => watch.end(refusal))
    } else if (this.#open) {
      watch.connected()
    }
    return watch
  }

  /**
   * Of a node that is about to stop: resolves when the other nodes have left the shard, if it is on this one,
   * and soon in any case.
   */
  async stopping(): Promise<void> {
    if (this.#open) {
      this.#stopping = Promise.withResolvers<void>()
      const timer = setTimeout(this.#stopping.resolve, LEAVING_MS_MAX)
      this.#queue({ kind: FrameKind.LEAVE, stream: 0, payload: NO_BYTES })
      await this.#stopping.promise
      clearTimeout(timer)
    }
  }

  /** Ends everything; nothing can be begun any more. */
  close(): void {
    if (this.#closed) {
      return
    }
    this.#closed = true
    this.#open = false
    this.#batches.reset()
    clearTimeout(this.#retry)
    clearTimeout(this.#leaving)
    clearInterval(this.#downChecks)
    clearInterval(this.#watchProgress)
    this.#connection?.close()
    this.#endAll(statusOf('stopped'))
    this.#started?.reject(new LinkError('closed before the upstream was reached'))
  }

  get replica(): string | undefined {
    return this.#replica
  }

  /** Why nothing can be begun; undefined where something can. */
  get #refusal(): RpcStatus | undefined {
    if (this.#closed) {
      return statusOf('stopped')
    }
    return this.#missing ? statusOf('keyspace-not-found') : undefined
  }

  #newStream(): number {
    do {
      this.#lastStream = (this.#lastStream + 1) >>> 0
    } while (this.#streams.has(this.#lastStream) || this.#calls.has(this.#lastStream))
    return this.#lastStream
  }

  #begin(stream: number, call: LinkCall, reader: AnswerReader): void {
    const pending = new PendingAnswer(stream, this.#withOrigin(call), reader)
    const refusal = this.#refusal
    if (refusal !== undefined) {
      queueMicrotask(() => reader.failed(refusal))
    } else if (!this.#calls.add(pending)) {
      queueMicrotask(() => reader.failed(statusOf('too-many-requests')))
    } else if (this.#open) {
      this.#batches.queued()
    } else {
      pending.wait(performance.now())
    }
  }

  /** Only one method makes use of it, and it would cost each call a look at its context. */
  #withOrigin(call: LinkCall): LinkCall {
    return call.method === '/etcdserverpb.Cluster/MemberList'
      ? { ...call, context: { origin: this.#options.clientUrls, ...call.context } }
      : call
  }

  #cancel(stream: number): void {
    if (this.#calls.cancel(stream)) {
      this.#queue({ kind: FrameKind.END, stream, payload: NO_BYTES })
    }
  }

  #queue(frame: Frame | undefined): void {
    if (frame !== undefined && this.#open) {
      this.#frames.push(frame)
      this.#batches.queued()
    }
  }

  /** One message of all that is queued. Answers its number if calls are in it. */
  #send(withCalls: boolean): number | undefined {
    const connection = this.#connection
    if (connection === undefined || !this.#open || this.#leaving !== undefined) {
      return undefined
    }
    const room = withCalls && connection.queuedBytes < QUEUED_BYTES_MAX
    const calls = room ? this.#calls.take(this.#lastMessage + 1) : []
    if (this.#frames.length + calls.length > 0) {
      connection.send([...this.#frames, ...calls])
      this.#frames = []
    }
    if (calls.length === 0) {
      return undefined
    }
    this.#sendWaiting()
    this.#lastMessage++
    return this.#lastMessage
  }

  #openStream(watch: LinkWatch): number {
    const stream = this.#newStream()
    this.#streams.set(stream, watch)
    return stream
  }

  #askProgress(): void {
    if (this.#heard) {
      this.#heard = false
      this.#watches.forEach((watch) => watch.askProgress())
    }
  }

  #connect(): void {
    const isBusy = (): boolean => this.#calls.count > 0 || this.#watches.size > 0
    const listener: SocketListener = {
      get busy() {
        return isBusy()
      },
      opened: (replica) => {
        this.#replica = replica
        this.#opened()
      },
      received: (frame) => this.#received(frame),
      drained: () => this.#sendWaiting(),
      closed: (end) => this.#lost(end),
    }
    this.#connection = this.#options.route.connect(listener)
  }

  #opened(): void {
    if (this.#isFinding) {
      this.#isFinding = false
      this.#connection?.close()
      this.#connect()
      return
    }
    this.#open = true
    this.#missing = false
    this.#openedAt = performance.now()
    clearInterval(this.#downChecks)
    this.#say('info', 'connected to the upstream', '')
    this.#started?.resolve()
    this.#watches.forEach((watch) => watch.connected())
    this.#sendWaiting()
  }

  #sendWaiting(): void {
    if (this.#calls.waitingCount > 0) {
      this.#batches.queued()
    }
  }

  #received(frame: Frame): void {
    const { kind, stream } = frame
    this.#heard = true
    this.#backoff.reset()
    if (kind === FrameKind.ANSWER) {
      const message = this.#calls.answer(frame)
      if (message !== undefined) {
        this.#batches.answered(message)
        this.#sendWaiting()
      }
      this.#leaveIfAnswered()
    } else if (kind === FrameKind.DATA) {
      const watch = this.#streams.get(stream)
      if (watch === undefined) {
        this.#calls.part(stream, frame.payload)
      } else {
        watch.received(frame.payload)
      }
    } else if (kind === FrameKind.LENGTH) {
      this.#calls.measured(stream, frame.payload)
    } else if (kind === FrameKind.END) {
      const watch = this.#streams.get(stream)
      this.#streams.delete(stream)
      watch?.refused(frame.payload)
    } else if (kind === FrameKind.LEAVE) {
      if (this.#stopping === undefined) {
        this.#leaving ??= setTimeout(() => this.#leave(), LEAVING_MS_MAX)
        this.#leaveIfAnswered()
      } else {
        this.#stopping.resolve()
      }
    }
  }

  #leaveIfAnswered(): void {
    if (this.#leaving !== undefined && this.#calls.sentCount === 0) {
      this.#leave()
    }
  }

  /** The shard goes to another node, or a replica serves by now: the link is to find it. */
  #leave(): void {
    this.#connection?.close()
    this.#lost({
      reason: 'the keyspace is served from another place',
      refused: false,
      againInMs: LEFT_MS,
    })
  }

  #lost(end: SocketEnd): void {
    const { reason, refused, missing = false, full, againInMs, waited = false } = end
    this.#connection = undefined
    this.#isFinding ||= againInMs !== undefined
    clearTimeout(this.#leaving)
    this.#leaving = undefined
    this.#stopping?.resolve()
    if (waited) {
      this.#backoff.reset()
    }
    if (this.#open) {
      this.#open = false
      this.#goDown()
      if (performance.now() - this.#openedAt > LASTING_MS) {
        this.#backoff.reset()
      }
      this.#frames = []
      this.#streams.clear()
      this.#batches.reset()
      if (full === 'not-done') {
        // It comes back at once.
        this.#backoff.reset()
      }
      // Of a full disk the log hears from who looks after the disk.
      if (full === undefined) {
        this.#say('warn', 'lost the link to the upstream', reason)
      }
      this.#watches.forEach((watch) => watch.lost())
      this.#calls.lost(performance.now(), statusOfLoss(full))
    } else if (refused && this.#openedAt === 0) {
      this.#started?.reject(new LinkError(`cannot use ${this.#options.route.name}: ${reason}`))
      this.close()
    } else {
      this.#say(refused ? 'error' : 'warn', 'cannot reach the upstream; still trying', reason)
    }
    if (end.removed === true) {
      this.#options.removed?.(reason)
    }
    this.#missing = missing
    if (missing) {
      this.#endAll(statusOf('keyspace-not-found'))
    }
    if (!this.#closed) {
      this.#retry = setTimeout(() => this.#connect(), againInMs ?? this.#backoff.next())
    }
  }

  #endAll(status: RpcStatus): void {
    this.#calls.end(status)
    for (const watch of this.#watches) {
      watch.end(status)
    }
  }

  #goDown(): void {
    this.#downSince = performance.now()
    this.#downChecks = setInterval(() => this.#checkDown(), DOWN_CHECK_MS)
  }

  get #leaderless(): boolean {
    return !this.#open && performance.now() - this.#downSince > LEADER_MS_MAX
  }

  #checkDown(): void {
    this.#calls.expire(performance.now())
    if (this.#leaderless) {
      for (const watch of [...this.#watches].filter(({ requireLeader }) => requireLeader)) {
        watch.end(statusOf('no-leader'))
      }
    }
  }

  /** Says each state of things once, however often it is come upon. */
  #say(level: 'info' | 'warn' | 'error', message: string, reason: string): void {
    const line = `${message}: ${reason}`
    if (line !== this.#said) {
      this.#said = line
      const { route, log } = this.#options
      const upstream = route.name
      log(level, message, reason === '' ? { upstream } : { upstream, reason })
    }
  }
}

function statusOfLoss(full: SocketEnd['full']): RpcStatus {
  switch (full) {
    case 'not-done':
      return statusOf('no-space')
    case 'perhaps-done':
      return statusOf('timeout-disk-full')
    case undefined:
      return statusOf('timeout-connection-lost')
  }
}
