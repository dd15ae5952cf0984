import { waitUntil } from 'cloudflare:workers'
import type { Outcome, Call, ShardRpc } from '../protocol/shard-rpc.ts'

/** What a batch may carry in both directions, within the 32 MiB of an RPC message. */
export const BATCH_BYTES_MAX = 30 * 1024 * 1024

/** By then a call's share of the hop is nothing beside its own work. */
const BATCH_CALLS_MAX = 256

/** A shard in another region is farther away than this, so calls do not wait for its answers. */
const WAIT_MS_MAX = 2

/** The platform lets a request go on for so long after its end (`waitUntil`). */
const SENDER_MS_MAX = 30_000

/** The least that a plan of Cloudflare lets a request call in all is 50 times. */
const BATCHES_PER_SENDER_MAX = 30

/** The calls that the requests of this isolate make to one shard, as few messages. */
export class Batches {
  readonly #shard: () => Pick<ShardRpc, 'callMany'>
  #next = newBatch()
  /** What left last, until it is back. What left before it does not matter any more. */
  #underWay: Batch | undefined

  /**
   * `shard` is asked for a stub in the request that will send with it.
   *
   * Whatever does I/O, a stub or a timer, is of one request, so one request sends for several. It
   * resolves their promises, which go on in the requests that they were made in: workerd's
   * `handle_cross_request_promise_resolution`, on since 2024-10-14 (compatibility-date.capnp). workerd
   * gives up as hung a request that waits for no I/O of its own (`abortFromHang` of io-context.c++),
   * and drops one whose client has gone. For the former each call waits beside a timer, and for the
   * latter it is kept by `waitUntil`.
   */
  constructor(shard: () => Pick<ShardRpc, 'callMany'>) {
    this.#shard = shard
  }

  /**
   * A call that finds nothing under way leaves at once. Others wait together until that is back, or
   * for 2 ms, and leave as one: the hop costs as much as the rest of a small call, however many it
   * carries. `bytes` is what call and answer may come to. Rejects with what the platform throws.
   */
  call(call: Call, bytes: number): Promise<Outcome> {
    if (this.#underWay === undefined && this.#next.calls.length === 0) {
      return this.#leaveAlone(call)
    }
    const { calls, bytes: held } = this.#next
    if (calls.length === BATCH_CALLS_MAX || held + bytes > BATCH_BYTES_MAX) {
      this.#leave()
    }
    return this.#wait(call, bytes)
  }

  /** Nobody else depends on this, so it may end with its client. */
  async #leaveAlone(call: Call): Promise<Outcome> {
    const batch = newBatch()
    this.#underWay = batch
    try {
      const [answer] = await this.#shard().callMany([call])
      return required(answer)
    } finally {
      this.#back(batch)
      this.#leave()
    }
  }

  async #wait(call: Call, bytes: number): Promise<Outcome> {
    const batch = this.#next
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    batch.calls.push({ call, answered: resolve, failed: reject })
    batch.bytes += bytes
    const leave = (): void => {
      if (this.#next === batch) {
        this.#leave()
      }
    }
    const first = batch.calls.length === 1 ? setTimeout(leave, WAIT_MS_MAX) : null
    const last = setTimeout(() => reject(new SenderLost()), SENDER_MS_MAX)
    // The caller hears of the error.
    waitUntil(promise.catch(() => undefined))
    try {
      return await promise
    } finally {
      clearTimeout(first)
      clearTimeout(last)
    }
  }

  #leave(): void {
    if (this.#next.calls.length > 0) {
      waitUntil(this.#send())
    }
  }

  /** Sends what waits, and what has come to wait when that is back. */
  async #send(): Promise<void> {
    for (let sent = 0; sent < BATCHES_PER_SENDER_MAX && this.#next.calls.length > 0; sent++) {
      const batch = this.#next
      this.#next = newBatch()
      this.#underWay = batch
      await deliver(batch.calls, this.#shard)
      this.#back(batch)
    }
  }

  #back(batch: Batch): void {
    if (this.#underWay === batch) {
      this.#underWay = undefined
    }
  }
}

interface Batch {
  readonly calls: Waiting[]
  bytes: number
}

interface Waiting {
  readonly call: Call
  readonly answered: (answer: Outcome) => void
  readonly failed: (error: unknown) => void
}

function newBatch(): Batch {
  return { calls: [], bytes: 0 }
}

/** The request that sent the call's batch has come to its end. Marked as the platform marks errors. */
class SenderLost extends Error {
  override readonly name = 'SenderLost'
  readonly durableObjectReset = true
}

async function deliver(
  calls: readonly Waiting[],
  shard: () => Pick<ShardRpc, 'callMany'>,
): Promise<void> {
  try {
    const answers = await shard().callMany(calls.map(({ call }) => call))
    calls.forEach(({ answered }, place) => answered(required(answers[place])))
  } catch (error) {
    calls.forEach(({ failed }) => failed(error))
  }
}

function required(answer: Outcome | undefined): Outcome {
  if (answer === undefined) {
    throw new Error('the shard has left a call unanswered')
  }
  return answer
}
