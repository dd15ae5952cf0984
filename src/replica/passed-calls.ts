import type { Authority } from '../door/door.ts'
import { methods } from '../protocol/methods.ts'
import {
  type Call,
  type CallContext,
  isRefused,
  type Outcome,
  type Refused,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import type {
  V2Answer,
  V2Answered,
  V2Call,
  V2KeysCall,
  V2Refused,
  V2UnreadableCall,
} from '../protocol/v2-call.ts'
import { refusal } from '../shard/reply.ts'
import type { LeaderClient } from './leader-client.ts'

/** Calls leave together up to so many bytes. */
const BATCH_BYTES_MAX = 1024 * 1024
/** How often a call is sent again that changes nothing. */
const RETRIES_MAX = 2

const MOVED = statusOf('keyspace-moved').message

interface Passed {
  readonly call: Call
  readonly answered: (outcome: Outcome) => void
}

/** Calls of a replica's callers, which the leader answers. */
export class PassedCalls {
  readonly #leader: LeaderClient
  #waiting: Passed[] = []
  #bytes = 0

  constructor(leader: LeaderClient) {
    this.#leader = leader
  }

  /** Those of a turn of the event loop leave as one message, but for what may take long. */
  pass(call: Call, answered: (outcome: Outcome) => void): void {
    if (!isShort(call) || this.#bytes > BATCH_BYTES_MAX) {
      void this.#send([{ call, answered }], 0)
      return
    }
    this.#waiting.push({ call, answered })
    this.#bytes += call.request.length
    if (this.#waiting.length === 1) {
      void this.#flushSoon()
    }
  }

  async #flushSoon(): Promise<void> {
    await Promise.resolve()
    const waiting = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    await this.#send(waiting, 0)
  }

  async #send(passed: readonly Passed[], retries: number): Promise<void> {
    let outcomes: readonly Outcome[]
    try {
      outcomes = await this.#leader.stub.callMany(passed.map(({ call }) => call))
    } catch {
      this.#lost(passed, retries)
      return
    }
    const moved: Passed[] = []
    for (const [place, one] of passed.entries()) {
      const outcome = outcomes[place] ?? lost
      if (retries < RETRIES_MAX && isRefused(outcome) && outcome.refused.message === MOVED) {
        moved.push(one)
      } else {
        one.answered(outcome)
      }
    }
    // Nothing was done of what has come to the wrong one.
    if (moved.length > 0) {
      await this.#leader.find().catch(() => false)
      await this.#send(moved, retries + 1)
    }
  }

  /** What changes something may have been done. */
  #lost(passed: readonly Passed[], retries: number): void {
    const again = passed.filter(({ call }) => methods[call.method].repeats === 'everywhere')
    const isTried = retries >= RETRIES_MAX
    for (const one of passed) {
      if (isTried || !again.includes(one)) {
        one.answered(lost)
      }
    }
    if (!isTried && again.length > 0) {
      void this.#send(again, retries + 1)
    }
  }
}

const lost: Refused = refusal(statusOf('timeout-connection-lost'))

/** The leader answers it in one turn. */
function isShort({ method }: Call): boolean {
  return (
    method === '/etcdserverpb.KV/Put' ||
    method === '/etcdserverpb.KV/Txn' ||
    method === '/etcdserverpb.Lease/LeaseKeepAlive' ||
    method === '/etcdserverpb.Lease/LeaseGrant'
  )
}

/** What the leader is told of a caller, who has come over a session of such an authority, or by RPC. */
export function passedContext(context: CallContext, session: Authority | undefined): CallContext {
  if (session === undefined || context.accessToken !== undefined) {
    return context
  }
  if (typeof session === 'string') {
    return { ...context, administrator: session === 'everything' ? true : session }
  }
  const { id, access, expires } = session
  return access === 'administrator'
    ? { ...context, administrator: { id, expires } }
    : { ...context, vouched: id }
}

/** A call of /v2/keys, which has no other answer. */
export async function passV2Keys(
  leader: LeaderClient,
  call: V2KeysCall | V2UnreadableCall,
  context: CallContext,
): Promise<V2Answered | V2Refused | Refused> {
  return (await passV2(leader, call, context)) as V2Answered | V2Refused | Refused
}

/** A call of etcd's v2 API, of which a replica has nothing. */
export async function passV2(
  leader: LeaderClient,
  call: V2Call,
  context: CallContext,
): Promise<V2Answer | Refused> {
  try {
    return await leader.stub.v2(call, context)
  } catch {
    return lost
  }
}
