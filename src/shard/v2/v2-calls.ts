import type { Authority, Door } from '../../door/door.ts'
import { EngineError } from '../../mvcc/errors.ts'
import type { CallContext, Refused } from '../../protocol/shard-rpc.ts'
import { fromEngineError, statusOf } from '../../protocol/status.ts'
import {
  type V2Answer,
  type V2Answered,
  type V2Call,
  V2_KEYS_PREFIX,
  type V2Header,
  type V2KeysCall,
  type V2Refused,
  type V2UnreadableCall,
  type V2WatchCall,
} from '../../protocol/v2-call.ts'
import type { V2ServiceCall } from '../../protocol/v2-service-call.ts'
import { V2Error } from '../../v2/error.ts'
import type { V2Event } from '../../v2/event.ts'
import { shownPath } from '../../v2/path.ts'
import type { CommitQueue } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'
import { refusal } from '../reply.ts'
import type { Parts } from '../run.ts'
import { NoRootAccess, V2Access } from './v2-access.ts'
import { noRootAccess, V2AuthCalls } from './v2-auth-calls.ts'
import { applyKeys } from './v2-keys.ts'
import { V2Services } from './v2-services.ts'

/** Who asks for keys, and hears the one answer. */
interface V2Asking {
  readonly context: CallContext
  /** What the call's socket may, where it has come over one. */
  readonly session: Authority | undefined
  readonly answered: (answer: V2Answered | V2Refused | Refused) => void
}

/** Where calls of the v2 API come in: each is answered, whatever happens to it. */
export class V2Calls {
  readonly #keyspace: Keyspace
  readonly #door: Door
  readonly #commits: CommitQueue
  readonly #submitAndSchedule: Parts['submitAndSchedule']
  readonly #access: V2Access
  readonly #services: V2Services
  readonly #auth: V2AuthCalls

  constructor({
    keyspace,
    door,
    commits,
    passwords,
    submitAndSchedule,
  }: Pick<Parts, 'keyspace' | 'door' | 'commits' | 'passwords' | 'submitAndSchedule'>) {
    this.#access = new V2Access(keyspace, passwords)
    this.#services = new V2Services(keyspace, commits, this.#access)
    this.#auth = new V2AuthCalls(keyspace, commits, this.#access, passwords)
    this.#keyspace = keyspace
    this.#door = door
    this.#commits = commits
    this.#submitAndSchedule = submitAndSchedule
  }

  /** `Refused` is who may not come in at all. */
  async answer(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    if (call.on === 'keys' || call.on === 'unreadable') {
      return new Promise((answered) => this.keys(call, { context, session: undefined, answered }))
    }
    try {
      this.#admit(call, context, undefined)
      return await this.#served(call)
    } catch (error) {
      return error instanceof NoRootAccess
        ? noRootAccess(error)
        : (v2Refusal(error, this.#keyspace) ?? refusal(error))
    }
  }

  /**
   * What /v2/keys is asked; `session` is what the call's socket may, where it has come over one. A change is answered
   * in the turn that commits it, and others at once, unless it has to be asked who they are.
   */
  keys(call: V2KeysCall | V2UnreadableCall, { context, session, answered }: V2Asking): void {
    try {
      this.#admit(call, context, session)
      if (call.on === 'unreadable') {
        answered({ header: v2Header(this.#keyspace), refusal: call.refusal })
      } else if (this.#access.isOpen) {
        this.#apply(call, answered)
      } else {
        this.#access.requireKey({ ...call, isWrite: needOf(call) === 'write' }).then(
          () => this.#apply(call, answered),
          (error: unknown) => answered(this.#refusalOf(error)),
        )
      }
    } catch (error) {
      answered(this.#refusalOf(error))
    }
  }

  #admit(call: V2Call, context: CallContext, session: Authority | undefined): void {
    const authority = this.#door.authorityOf(context, session)
    this.requireOn()
    if (needOf(call) === 'write') {
      this.#door.requireWrite(authority)
    }
  }

  /** Throws an RpcStatus where the v2 API is not served. */
  requireOn(): void {
    if (!this.#keyspace.v2Setting.isOn) {
      throw statusOf('v2-off')
    }
  }

  #served(call: V2ServiceCall): V2Answer | Promise<V2Answer> {
    switch (call.on) {
      case 'presence':
        return { status: 204, body: '', clusterId: undefined }
      case 'stats':
        return this.#services.stats(call)
      case 'members':
        return this.#services.members(call)
      case 'auth':
        return this.#auth.answer(call)
    }
  }

  /** Whether a call may wait at a key. Rejects with a V2Error. */
  async admitWatch({ credentials, askedPath, recursive }: V2WatchCall): Promise<void> {
    if (!this.#access.isOpen) {
      await this.#access.requireKey({ credentials, askedPath, recursive, isWrite: false })
    }
  }

  /** The answer is made in the turn of the change, before others count the index up. */
  #apply(call: V2KeysCall, answered: V2Asking['answered']): void {
    if (needOf(call) === 'read') {
      answered(this.#outcome(call, Date.now()))
    } else if (call.ttl === undefined) {
      this.#commits.enqueue({ apply: (now) => answered(this.#written(call, now)) })
    } else {
      // It may bring a deadline closer.
      this.#submitAndSchedule((now) => this.#written(call, now)).then(answered, (error: unknown) =>
        answered(this.#refusalOf(error)),
      )
    }
  }

  #written(call: V2KeysCall, now: number): V2Answered | V2Refused | Refused {
    try {
      this.#keyspace.requireSpace(call.path.length + call.value.length)
    } catch (error) {
      return this.#refusalOf(error)
    }
    return this.#outcome(call, now)
  }

  #outcome(call: V2KeysCall, now: number): V2Answered | V2Refused | Refused {
    try {
      return this.#answered(call, applyKeys(this.#keyspace.v2, call, now))
    } catch (error) {
      return this.#refusalOf(error)
    }
  }

  #refusalOf(error: unknown): V2Refused | Refused {
    return v2Refusal(error, this.#keyspace) ?? refusal(error)
  }

  #answered({ noValueOnSuccess }: V2KeysCall, event: V2Event): V2Answered {
    return {
      header: v2Header(this.#keyspace),
      body: noValueOnSuccess ? event.bareBytes : event.bytes,
      isCreated: event.isCreation,
    }
  }
}

/** What an access token has to allow. */
function needOf(call: V2Call): 'read' | 'write' {
  switch (call.on) {
    case 'unreadable':
    case 'presence':
    case 'stats':
      return 'read'
    case 'keys':
      return call.method === 'GET' || call.method === 'HEAD' ? 'read' : 'write'
    case 'members':
    case 'auth':
      return readings.has(call.asked.do) || ('isRead' in call.asked && call.asked.isRead)
        ? 'read'
        : 'write'
  }
}

const readings: ReadonlySet<string> = new Set([
  'list',
  'leader',
  'is-enabled',
  'list-users',
  'list-roles',
  'get-user',
  'get-role',
])

/** There is no raft log: its index counts what has changed in either API. */
export function v2Header({ identity, store, v2, raftTerm }: Keyspace): V2Header {
  return {
    clusterId: identity.clusterId,
    etcdIndex: v2.index,
    raftIndex: store.revision + v2.index,
    raftTerm,
  }
}

/** Undefined where it was not the store that refuses. */
export function v2Refusal(error: unknown, keyspace: Keyspace): V2Refused | undefined {
  const header = v2Header(keyspace)
  if (error instanceof V2Error) {
    const { code, cause, index } = error
    return { header, refusal: { code, cause: shownCause(cause), index } }
  }
  if (error instanceof EngineError) {
    return { header, refusal: { code: 300, cause: fromEngineError(error).message, index: 0 } }
  }
  return undefined
}

/** Mostly a path, and never one that begins so otherwise. */
function shownCause(cause: string): string {
  return cause.startsWith(V2_KEYS_PREFIX) ? shownPath(cause) : cause
}
