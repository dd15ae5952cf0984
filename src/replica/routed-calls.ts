import type { Authority } from '../door/door.ts'
import type { Revision } from '../mvcc/types.ts'
import { methods } from '../protocol/methods.ts'
import {
  type AnsweredBy,
  type Call,
  isRefused,
  type Outcome,
  type PageCursor,
} from '../protocol/shard-rpc.ts'
import { Code, statusOf } from '../protocol/status.ts'
import { WireError } from '../protocol/wire.ts'
import type { Calls, CallsIn, Measured, PagedMethod } from '../shard/calls.ts'
import type { Keyspace } from '../shard/keyspace.ts'
import { type Caller, refusal } from '../shard/reply.ts'
import type { Following } from './following.ts'
import type { LeaderClient } from './leader-client.ts'
import { localRead } from './local-read.ts'
import { passedContext, type PassedCalls } from './passed-calls.ts'
import { headerOf, ofMember } from './response-header.ts'
import { passWaiting } from './waiting-call.ts'

/**
 * A writer who reads here afterwards finds what it has written, as at each member of etcd. For so many ms the answer
 * waits for that; then it leaves without.
 */
const OWN_WRITE_MS = 1_000

export interface RoutedParts {
  readonly keyspace: Keyspace
  readonly following: () => Following
  readonly leader: LeaderClient
  readonly passed: PassedCalls
  /** Of what is answered here now. */
  readonly answeredBy: () => AnsweredBy
}

/**
 * The way of calls at a replica: what it may answer it answers when it is new enough; the leader answers all else. Who is
 * refused here is so only if the leader refuses too, since what allows it may not have come yet.
 */
export class RoutedCalls implements CallsIn {
  readonly #own: Calls
  readonly #parts: RoutedParts

  constructor(own: Calls, parts: RoutedParts) {
    this.#own = own
    this.#parts = parts
  }

  start(call: Call, caller: Caller, session?: Authority): void {
    const { keyspace } = this.#parts
    let level: ReturnType<typeof localRead>
    try {
      level = localRead(call, keyspace.store.revision)
    } catch (error) {
      if (!(error instanceof WireError)) {
        throw error
      }
      this.#own.start(call, caller, session)
      return
    }
    if (level === undefined) {
      this.#pass(call, caller, session)
      return
    }
    const { minRevision, asServer } = call.context
    const isGuarded = asServer !== true && isGuardedBy(keyspace)
    const waits = this.#parts.following().read({ level, minRevision, isGuarded })
    if (waits === undefined) {
      this.#own.start(call, this.#unlessRefused(call, caller, session), session)
    } else {
      void this.#startBehind(waits, call, caller, session)
    }
  }

  async #startBehind(
    waits: Promise<void>,
    call: Call,
    caller: Caller,
    session: Authority | undefined,
  ): Promise<void> {
    try {
      await waits
    } catch (error) {
      caller.answered(refusal(error))
      return
    }
    if (!caller.gone) {
      this.#own.start(call, this.#unlessRefused(call, caller, session), session)
    }
  }

  /** Whoever asks by RPC hears who has answered. */
  #marked(caller: Caller): Caller {
    return answering(caller, (outcome) => {
      caller.answered(
        isRefused(outcome) ? outcome : { ...outcome, replica: this.#parts.answeredBy() },
      )
    })
  }

  /** The caller of a call whom the leader answers if they may not here. */
  #unlessRefused(call: Call, caller: Caller, session: Authority | undefined): Caller {
    const marked = session === undefined ? this.#marked(caller) : caller
    if (!isGuardedBy(this.#parts.keyspace)) {
      return marked
    }
    return answering(caller, (outcome) => {
      if (isOfAuth(outcome)) {
        this.#pass(call, caller, session)
      } else {
        marked.answered(outcome)
      }
    })
  }

  #pass(call: Call, caller: Caller, session: Authority | undefined): void {
    const { leader, passed } = this.#parts
    const told = { ...call, context: passedContext(call.context, session) }
    if (session !== undefined && methods[call.method].ends === 'in-turn') {
      const asked = answering(caller, (outcome) => this.#passedBack(outcome, caller))
      void passWaiting(leader, told, asked)
      return
    }
    passed.pass(told, (outcome) => this.#passedBack(outcome, caller))
  }

  /** The answer says that this member was asked, and comes when what it speaks of may be read here. */
  #passedBack(outcome: Outcome, caller: Caller): void {
    const { keyspace } = this.#parts
    const headed = isRefused(outcome) ? undefined : headerOf(outcome.response)
    if (isRefused(outcome) || headed === undefined) {
      caller.answered(outcome)
      return
    }
    const answer = { ...outcome, response: ofMember(headed, keyspace.identity.memberId) }
    const waits = this.#untilHere(outcome.next?.revision, headed.header.revision)
    if (waits === undefined) {
      caller.answered(answer)
      return
    }
    waits.then(
      () => caller.answered(answer),
      // Its further pages cannot be read here.
      (error: unknown) => caller.answered(outcome.next === undefined ? answer : refusal(error)),
    )
  }

  /** Further pages are read here, and a writer may read next what it has written. */
  #untilHere(next: Revision | undefined, written: Revision): Promise<void> | undefined {
    const following = this.#parts.following()
    const isAsked = next !== undefined || following.isAwake
    const minRevision = next ?? written
    return isAsked && minRevision > this.#parts.keyspace.store.revision
      ? following.read({
          level: 'serializable',
          minRevision,
          isGuarded: false,
          deadline: Date.now() + OWN_WRITE_MS,
        })
      : undefined
  }

  later(read: () => void): void {
    this.#own.later(read)
  }

  next(method: PagedMethod, request: Uint8Array, cursor: PageCursor): Outcome {
    return this.#own.next(method, request, cursor)
  }

  beginMeasuring(cursor: PageCursor): PageCursor {
    return this.#own.beginMeasuring(cursor)
  }

  measure(request: Uint8Array, cursor: PageCursor, waiting: PageCursor): Measured {
    return this.#own.measure(request, cursor, waiting)
  }

  end(cursor: PageCursor): void {
    this.#own.end(cursor)
  }
}

/** The same caller, whose answer is looked at first. */
function answering(caller: Caller, answered: (outcome: Outcome) => void): Caller {
  const streams = caller.streams?.bind(caller)
  return {
    get gone() {
      return caller.gone
    },
    whenGone: (listener) => caller.whenGone(listener),
    answered,
    ...(streams && { streams }),
  }
}

/** Whether the keyspace asks who comes. */
export function isGuardedBy({ auth, accessTokens }: Keyspace): boolean {
  return auth.enabled || accessTokens.some
}

/** etcd's texts of what a caller may not, or is not known for. */
function isOfAuth(outcome: Outcome): boolean {
  return (
    isRefused(outcome) &&
    (outcome.refused.code === Code.UNAUTHENTICATED ||
      outcome.refused.code === Code.PERMISSION_DENIED ||
      OF_AUTH.has(outcome.refused.message))
  )
}

const OF_AUTH: ReadonlySet<string> = new Set([
  statusOf('user-empty').message,
  statusOf('auth-old-revision').message,
  statusOf('user-not-found').message,
])
