import type { Principal } from '../../auth/principal.ts'
import { Observer, observeRequest } from '../../concurrency/observer.ts'
import { firstInQueue, prefixOf } from '../../concurrency/queue.ts'
import { EngineError } from '../../mvcc/errors.ts'
import type { KeyValue, Revision } from '../../mvcc/types.ts'
import type { WatchStream } from '../../mvcc/watch-stream.ts'
import { encode } from '../../protocol/binary.ts'
import {
  CREDIT_WINDOW_BYTES,
  encodeEnd,
  type Frame,
  FrameKind,
  responseFrame,
} from '../../protocol/frames.ts'
import { LeaderResponse } from '../../protocol/generated/messages.ts'
import type { CallContext } from '../../protocol/shard-rpc.ts'
import { Code } from '../../protocol/status.ts'
import type { Keyspace } from '../keyspace.ts'
import type { MethodMetrics } from '../method-metrics.ts'
import { range } from '../methods/kv.ts'
import { refusal } from '../reply.ts'
import type { SessionOut } from './session-out.ts'

/** The longest that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1

export interface ObserveOptions {
  /** Of the election. */
  readonly name: Uint8Array
  readonly stream: number
  readonly context: CallContext
  readonly metrics: MethodMetrics
  /** What the metrics have answered to its beginning. */
  readonly started: number
}

/**
 * Election.Observe over a session's socket: a DATA frame for each news of the leader, until the
 * client ends it. Its timer keeps the object in memory, which would forget the call when it hibernates.
 */
export class ObserveStream {
  readonly #keyspace: Keyspace
  readonly #name: Uint8Array
  readonly #out: SessionOut
  readonly context: CallContext
  readonly #stream: number
  readonly #metrics: MethodMetrics
  readonly #started: number
  readonly #observer: Observer
  readonly #watch: WatchStream
  #underWay = 0
  #canceled = false
  #awake: number | null = null

  constructor(
    keyspace: Keyspace,
    { name, stream, context, metrics, started }: ObserveOptions,
    out: SessionOut,
  ) {
    this.#keyspace = keyspace
    this.#name = name.slice()
    this.#out = out
    this.#stream = stream
    this.context = context
    this.#metrics = metrics
    this.#started = started
    this.#observer = new Observer({
      ready: () => this.#underWay < CREDIT_WINDOW_BYTES,
      send: (revision, kv) => this.#tell(revision, kv),
      // What it was to tell has been compacted while its reader was behind: it begins anew.
      end: () => queueMicrotask(() => this.#begin()),
      changed: () => undefined,
      leader: () => this.#leader(),
    })
    this.#watch = keyspace.hub.open(this.#observer)
    this.#stayAwake()
  }

  /** Begins once it is known who observes. */
  open(principal: Principal | Promise<Principal>): void {
    if (principal instanceof Promise) {
      principal.then(
        (known) => this.#admit(known),
        (error: unknown) => this.#fail(error),
      )
    } else {
      this.#admit(principal)
    }
  }

  /** As in etcd, the stream of who may not read the candidates ends, and not with an error. */
  #admit(principal: Principal): void {
    if (this.#canceled) {
      return
    }
    try {
      principal.authenticate()
      principal.authorize('/etcdserverpb.KV/Range', firstInQueue(prefixOf(this.#name)))
    } catch (error) {
      if (error instanceof EngineError) {
        this.#finish(responseFrame(this.#stream, new Uint8Array(0)), Code.OK)
      } else {
        this.#fail(error)
      }
      return
    }
    this.#begin()
  }

  /** What is no refusal ends this stream alone, and its client hears of it. */
  #fail(error: unknown): void {
    if (!this.#canceled) {
      const { code, message } = refusal(error).refused
      const payload = encodeEnd(code, message)
      this.#finish({ kind: FrameKind.ANSWER, stream: this.#stream, payload }, code)
    }
  }

  #finish(last: Frame, code: Code): void {
    this.#out.sendSoon(last)
    this.#end(code)
    this.#out.ended(this.#stream)
  }

  #begin(): void {
    this.#watch.create(observeRequest(this.#name))
    this.#observer.begin()
  }

  #leader(): { readonly revision: Revision; readonly kv: KeyValue | undefined } {
    const { response } = range(this.#keyspace, firstInQueue(prefixOf(this.#name)))
    return { revision: response.header?.revision ?? 0, kv: response.kvs[0] }
  }

  #tell(revision: Revision, kv: KeyValue): void {
    const header = { ...this.#out.header(), revision }
    const payload = encode(LeaderResponse, { header, kv })
    this.#underWay += payload.length
    this.#metrics.send(payload.length)
    this.#out.sendSoon({ kind: FrameKind.DATA, stream: this.#stream, payload })
  }

  credit(taken: number): void {
    const behind = this.#underWay >= CREDIT_WINDOW_BYTES
    this.#underWay = Math.max(0, this.#underWay - taken)
    if (behind && this.#underWay < CREDIT_WINDOW_BYTES) {
      this.#keyspace.hub.drained(this.#watch)
    }
  }

  cancel(): void {
    this.#end(Code.CANCELED)
  }

  #end(code: Code): void {
    this.#canceled = true
    clearTimeout(this.#awake)
    this.#keyspace.hub.close(this.#watch)
    this.#metrics.ended(code, performance.now() - this.#started)
  }

  #stayAwake(): void {
    this.#awake = setTimeout(() => this.#stayAwake(), TIMER_MS_MAX)
  }
}
