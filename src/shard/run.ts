import { type Principal, principalOf } from '../auth/principal.ts'
import type { Waiters } from '../concurrency/waiters.ts'
import type { Door } from '../door/door.ts'
import { needOf } from '../door/need.ts'
import { assert } from '../mvcc/errors.ts'
import type { TxnRequest } from '../protocol/generated/messages.ts'
import type { MethodName } from '../protocol/methods.ts'
import { isReadOnly } from '../protocol/request-size.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import type { AwaitedRevisions } from './awaited-revisions.ts'
import type { BackgroundWork } from './background.ts'
import type { CommitQueue, Write } from './commit.ts'
import type { Keyspace } from './keyspace.ts'
import type { PasswordQueue } from './methods/password-queue.ts'
import type { AnyPage, Page } from './page.ts'
import type { Messages, Reply } from './reply.ts'
import type { Turns } from './turns.ts'

/** What methods work with. */
export interface Parts {
  readonly keyspace: Keyspace
  readonly door: Door
  readonly commits: CommitQueue
  readonly background: BackgroundWork
  readonly waiters: Waiters
  readonly passwords: PasswordQueue
  /** Gives back to the disk what is free in the object's file, where that can be. */
  readonly defragment: () => Promise<void>
  /** Has the keyspace taken over by the node of that member. */
  readonly moveTo: (member: bigint) => Promise<void>
  readonly turns: Turns
  readonly revisions: AwaitedRevisions
  /** Resolves when replicas know what was changed; undefined where none has to be waited for. */
  readonly told: () => Promise<void> | undefined
  /** For what may bring a deadline closer, as a new lease does. */
  readonly submitAndSchedule: <T>(write: (now: number) => T) => Promise<T>
}

/** What is known of a call besides its request. */
interface CallerFacts {
  readonly context: CallContext
  readonly principal: Principal
}

interface TurnFacts extends CallerFacts {
  /** Milliseconds since 1970, the same for all writes of a turn. */
  readonly now: number
}

export interface StepsFacts extends CallerFacts {
  /** Aborts when nobody waits for the answer any more. */
  readonly gone: AbortSignal
  /** For the write among the steps: it is measured as the carrying out of the request. */
  readonly measured: <T>(write: (now: number) => T) => (now: number) => T
}

/**
 * How a method runs: a `write` waits for the turn that commits all writes at hand; a `read` answers
 * at once, through SQL, so that a deposed object cannot answer; `steps` take several turns; a `stream`
 * answers many messages.
 */
type Way<T> =
  | {
      readonly write: (keyspace: Keyspace, request: T, facts: TurnFacts) => object
      /** Where it is to take steps, one of which writes. */
      readonly long?: { readonly when: (request: T) => boolean; readonly steps: Steps<T> }
      /** Whether replicas have to know of it before it is answered, as they ask nobody whom they let in. */
      readonly tells?: boolean
    }
  | { readonly read: Read<T> }
  | { readonly steps: Steps<T> }
  | { readonly stream: Stream<T> }

type Read<T> = (keyspace: Keyspace, request: T, facts: CallerFacts) => AnyPage
type Steps<T> = (parts: Parts, request: T, facts: StepsFacts) => Promise<Page>
type Stream<T> = (parts: Parts, request: T, facts: StepsFacts) => Messages

/** Whoever calls is asked who they are and whether they may, unless a handler does that itself. */
export type Handler<T> = Way<T> & {
  /** What etcd refuses of the request itself, before it looks at who calls. */
  readonly check?: (request: T) => void
  /** The method asks its principal itself, between other checks. */
  readonly admits?: 'itself'
  /** Whether to read may take long, so that it waits where others of its turn have done so. */
  readonly isLong?: (request: T) => boolean
}

/** A call that has come in at the door. */
export interface Admitted {
  readonly method: MethodName
  readonly handler: Handler<object>
  /** Of the method's request type. */
  readonly request: object
  readonly context: CallContext
}

/** Runs a call as its handler says, in the name of who it turns out to come from. */
export function run(parts: Parts, call: Admitted, reply: Reply): void {
  const principal = principalOf(parts.keyspace, call.context)
  if (principal instanceof Promise) {
    principal.then(
      (known) => new Run(parts, call, known, reply).begin(),
      (error: unknown) => reply.failed(error),
    )
  } else {
    new Run(parts, call, principal, reply).begin()
  }
}

/** One call that runs, or waits in the `CommitQueue` to be run. */
class Run implements Write {
  readonly #parts: Parts
  readonly #call: Admitted
  readonly #principal: Principal
  readonly #reply: Reply

  constructor(parts: Parts, call: Admitted, principal: Principal, reply: Reply) {
    this.#parts = parts
    this.#call = call
    this.#principal = principal
    this.#reply = reply
  }

  begin(): void {
    const { handler } = this.#call
    if ('write' in handler) {
      const { long } = handler
      if (long?.when(this.#call.request) === true) {
        this.#takeSteps(long.steps)
      } else {
        this.#parts.commits.enqueue(this)
      }
    } else if ('read' in handler) {
      this.#beginRead(handler)
    } else if ('steps' in handler) {
      this.#takeSteps(handler.steps)
    } else {
      this.#stream(handler.stream)
    }
  }

  /** In the turn that commits it. */
  apply(now: number): void {
    if (this.#reply.gone) {
      this.#reply.dropped()
      return
    }
    const { method, handler, request, context } = this.#call
    assert('write' in handler, 'what waits for a turn is a write')
    const begun = performance.now()
    let response: object
    try {
      this.#admit()
      if (writes(this.#call)) {
        this.#parts.keyspace.requireCommits()
      }
      const facts = { context, principal: this.#principal, now }
      response = handler.write(this.#parts.keyspace, request, facts)
    } catch (error) {
      this.#reply.failed(error, performance.now() - begun)
      return
    }
    const ms = performance.now() - begun
    if (method === '/etcdserverpb.KV/Txn' && isReadOnly(request as TxnRequest)) {
      this.#reply.appliedReadOnly(ms)
    } else {
      this.#reply.applied(ms)
    }
    const told = handler.tells === true ? this.#parts.told() : undefined
    if (told === undefined) {
      this.#reply.answered(response)
    } else {
      void told.then(() => this.#reply.answered(response))
    }
  }

  #beginRead({ read, isLong }: Handler<object> & { readonly read: Read<object> }): void {
    const { turns } = this.#parts
    if (turns.spent && isLong?.(this.#call.request) === true) {
      turns.wait(() => this.#read(read))
    } else {
      this.#read(read)
    }
  }

  #read(read: Read<object>): void {
    if (this.#reply.gone) {
      this.#reply.dropped()
      return
    }
    const { request, context } = this.#call
    // etcd proposes some reads too.
    const begun = this.#reply.isProposed ? performance.now() : undefined
    let page: AnyPage
    try {
      this.#admit()
      page = read(this.#parts.keyspace, request, { context, principal: this.#principal })
    } catch (error) {
      this.#reply.failed(error, begun && performance.now() - begun)
      return
    }
    if (begun !== undefined) {
      this.#reply.appliedInVain(performance.now() - begun)
    }
    this.#reply.answeredPage(page)
  }

  #takeSteps(steps: Steps<object>): void {
    const facts = this.#stepsFacts()
    const taken = async (): Promise<Page> => {
      this.#admit()
      return steps(this.#parts, this.#call.request, facts)
    }
    taken().then(
      (page) => this.#reply.answeredPage(page),
      (error: unknown) => this.#reply.failed(error),
    )
  }

  #stream(stream: Stream<object>): void {
    const facts = this.#stepsFacts()
    try {
      this.#admit()
    } catch (error) {
      this.#reply.failed(error)
      return
    }
    this.#reply.streams(stream(this.#parts, this.#call.request, facts))
  }

  #stepsFacts(): StepsFacts {
    const abort = new AbortController()
    this.#reply.whenGone(() => abort.abort())
    return {
      context: this.#call.context,
      principal: this.#principal,
      gone: abort.signal,
      measured: (write) => (now) => this.#measured(write, now),
    }
  }

  #measured<T>(write: (now: number) => T, now: number): T {
    const begun = performance.now()
    let result: T
    try {
      result = write(now)
    } catch (error) {
      this.#reply.appliedInVain(performance.now() - begun, error)
      throw error
    }
    this.#reply.applied(performance.now() - begun)
    return result
  }

  #admit(): void {
    const { method, handler, request } = this.#call
    handler.check?.(request)
    if (handler.admits !== 'itself') {
      this.#principal.authenticate()
      this.#principal.authorize(method, request)
    }
  }
}

/** Some of the calls that wait for a turn write nothing, and a keep-alive hardly ever does. */
function writes({ method, request }: Admitted): boolean {
  return method !== '/etcdserverpb.Lease/LeaseKeepAlive' && needOf(method, request) === 'write'
}
