import { decode, encode } from '../../src/protocol/binary.ts'
import {
  WatchProgressRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcConnection, grpcFrame, messageReader } from './grpc-connection.ts'
import { createFrame } from './grpc-watches.ts'
import { H2Connection } from './h2-connection.ts'
import { type Paced, pacedPuts, placeOf } from './paced-puts.ts'
import { percentile } from './samples.ts'

export interface GrpcWatchTask extends Paced {
  readonly kind: 'grpc-watch'
  readonly url: string
  /** Where the writer is, if elsewhere. */
  readonly writeUrl?: string
  /** How often progress is asked for; Infinity for never. */
  readonly progressEveryMs: number
}

export interface GrpcWatchResult {
  /** From the put's leaving to the event's arrival. */
  readonly eventP50Ms: number
  readonly eventP99Ms: number
  /** From the request to its answer; NaN where none was asked for. */
  readonly progressP50Ms: number
  readonly progressP99Ms: number
}

/** One watcher of all that a steady writer on another connection puts. */
export async function grpcWatch(task: GrpcWatchTask): Promise<GrpcWatchResult> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const watcher = new GrpcConnection(task.url, reject)
  const opening = H2Connection.open({ url: task.writeUrl ?? task.url }, reject)
  const latencies = new WatchLatencies(task.perSecond * task.seconds)
  const created = Promise.withResolvers<void>()
  const take = (message: Buffer): void => {
    const response = decode(WatchResponse, message)
    if (response.created) {
      created.resolve()
    }
    latencies.hear(response)
  }
  const stream = watcher.open('/etcdserverpb.Watch/Watch', {
    received: messageReader((message) => guarded(reject, () => take(message))),
    ended: () => reject(new Error('the watch ended')),
    failed: reject,
  })
  stream.write(createFrame(task.prefix))
  const writer = await Promise.race([opening, failed])
  await Promise.race([created.promise, failed])
  const askProgress = (): void => {
    latencies.asked()
    stream.write(progressFrame)
  }
  const asking =
    task.progressEveryMs < Infinity ? setInterval(askProgress, task.progressEveryMs) : undefined
  const written = pacedPuts(writer, task, (place) => latencies.sending(place))
  await Promise.race([Promise.all([written, latencies.complete]), failed])
  clearInterval(asking)
  watcher.close()
  writer.close()
  return latencies.result()
}

const progressFrame = grpcFrame(
  encode(WatchRequest, create(WatchRequest, { progressRequest: create(WatchProgressRequest, {}) })),
)

function guarded(failed: (error: Error) => void, body: () => void): void {
  try {
    body()
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)))
  }
}

class WatchLatencies {
  readonly #sentAt: Float64Array
  readonly #event: number[] = []
  readonly #progress: number[] = []
  /** When the progress requests left that are not answered. */
  #askedAt: number[] = []
  #heard = 0
  #revision = 0
  readonly #complete = Promise.withResolvers<void>()

  constructor(puts: number) {
    this.#sentAt = new Float64Array(puts)
  }

  get complete(): Promise<void> {
    return this.#complete.promise
  }

  sending(place: number): void {
    this.#sentAt[place] = performance.now()
  }

  asked(): void {
    this.#askedAt.push(performance.now())
  }

  hear({ watchId, header, events }: WatchResponse): void {
    const now = performance.now()
    for (const { kv } of events) {
      if (kv === undefined || placeOf(kv.value) >= this.#sentAt.length) {
        throw new Error('an event of something else')
      }
      this.#event.push(now - (this.#sentAt[placeOf(kv.value)] ?? Number.NaN))
      this.#revision = kv.modRevision
      this.#heard++
    }
    if (watchId === -1) {
      // Nobody writes but below the prefix: what is not heard yet is not covered.
      if (this.#heard > 0 && header !== undefined && header.revision > this.#revision) {
        throw new Error(`progress to ${header.revision} after events to ${this.#revision}`)
      }
      this.#progress.push(...this.#askedAt.map((at) => now - at))
      this.#askedAt = []
    }
    if (this.#heard === this.#sentAt.length) {
      this.#complete.resolve()
    }
  }

  result(): GrpcWatchResult {
    return {
      eventP50Ms: percentile(counted(this.#event), 0.5),
      eventP99Ms: percentile(counted(this.#event), 0.99),
      progressP50Ms: percentile(counted(this.#progress), 0.5),
      progressP99Ms: percentile(counted(this.#progress), 0.99),
    }
  }
}

/** The first quarter warms the code up. */
function counted(samples: readonly number[]): readonly number[] {
  return samples.slice(Math.floor(samples.length / 4))
}
