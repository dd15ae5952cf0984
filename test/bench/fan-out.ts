import { Connection, post } from './connection.ts'
import { keyAt } from './keys.ts'
import { putJson, valueOf } from './messages.ts'
import { percentile } from './samples.ts'
import { openWatches } from './watch-stream.ts'

export interface FanOutTask {
  readonly kind: 'fan-out'
  readonly url: string
  readonly prefix: string
  /** Streams with one watch each, all of them of the whole prefix. */
  readonly watchers: number
  readonly seconds: number
}

export interface FanOutResult {
  readonly eventsPerSecond: number
  /** From the put's leaving to the event's arrival, over all watchers. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const KEYS = 1000
const VALUE = valueOf(256)

/** One writer, who puts again as soon as every watcher has heard of the last put. */
export async function fanOut(task: FanOutTask): Promise<FanOutResult> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const latencies: number[] = []
  let begin = Infinity
  let puts = 0
  let sentAt = 0
  let deaf = 0
  let answered = true

  const put = (): void => {
    const key = keyAt(task.prefix, puts++ % KEYS)
    deaf = task.watchers
    answered = false
    sentAt = performance.now()
    writer.send(post(task.url, '/v3/kv/put', putJson(key, VALUE)))
  }
  const goOn = (): void => {
    if (deaf === 0 && answered) {
      if (performance.now() < begin + task.seconds * 1000) {
        put()
      } else {
        resolve()
      }
    }
  }
  const hear = (count: number): void => {
    if (count > deaf) {
      reject(new Error('a watcher heard of a put twice'))
    }
    const now = performance.now()
    if (now >= begin) {
      latencies.push(now - sentAt)
    }
    deaf -= count
    goOn()
  }
  const parts = {
    body: () => undefined,
    end: () => {
      answered = true
      goOn()
    },
  }

  const watches = await openWatches(task.url, task, hear)
  const writer = new Connection(task.url, parts, reject)
  begin = performance.now() + task.seconds * 250
  put()
  await Promise.race([done, watches.failed])
  const seconds = (performance.now() - begin) / 1000
  watches.close()
  writer.close()
  return {
    eventsPerSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}
