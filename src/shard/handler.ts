import type { WaitingCalls } from '../concurrency/waiting-calls.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext, PageCursor } from '../protocol/shard-rpc.ts'
import type { BackgroundWork } from './background.ts'
import type { CommitQueue } from './commit.ts'
import type { Door } from './door.ts'
import type { Keyspace } from './keyspace.ts'
import type { PasswordQueue } from './password-queue.ts'
import type { Principal } from './principal.ts'

/** What a method needs besides its request. */
export interface Dispatch {
  readonly keyspace: Keyspace
  readonly door: Door
  readonly commits: CommitQueue
  readonly background: BackgroundWork
  readonly waiting: WaitingCalls
  readonly passwords: PasswordQueue
  /** For what may bring a deadline closer, as a new lease does. */
  readonly submitAndSchedule: <T>(write: (now: number) => T) => Promise<T>
}

/** A response of the method's type, or its first page. */
export interface Answer {
  readonly response: object
  readonly next?: PageCursor | undefined
}

/** What is known of a call besides its request. */
interface CallFacts {
  readonly context: CallContext
  readonly principal: Principal
}

interface TurnFacts extends CallFacts {
  /** Milliseconds since 1970, the same for all writes of a turn. */
  readonly now: number
}

export interface StepsFacts extends CallFacts {
  /** Aborts when nobody waits for the answer any more. */
  readonly gone: AbortSignal
}

/**
 * Messages of the method's response type, those of a turn together. They are made when they are asked
 * for, and are good until the next ones are.
 */
export type Messages = AsyncGenerator<readonly object[]>

/**
 * How a method runs: a `write` waits for the turn that commits all writes at hand; a `read` answers
 * at once, through SQL, so that a deposed object cannot answer; `steps` take several turns; a `stream`
 * answers many messages.
 */
type Run<T> =
  | { readonly write: (keyspace: Keyspace, request: T, facts: TurnFacts) => object }
  | { readonly read: (keyspace: Keyspace, request: T, facts: CallFacts) => Answer }
  | { readonly steps: (parts: Dispatch, request: T, facts: StepsFacts) => Promise<Answer> }
  | { readonly stream: (parts: Dispatch, request: T, facts: StepsFacts) => Messages }

/** Whoever calls is asked who they are and whether they may, unless a handler does that itself. */
export type Handler<T> = Run<T> & {
  /** What etcd refuses of the request itself, before it looks at who calls. */
  readonly check?: (request: T) => void
  /** The method asks its principal itself, between other checks. */
  readonly admits?: 'itself'
}

/** Each method's handler takes requests of its type. */
export type Handlers = { readonly [method in MethodName]?: Handler<never> }
