import { Connection } from './connection.ts'
import { type Requests, type RequestsOf, requestsOf } from './requests.ts'
import { percentile } from './samples.ts'

export interface UnaryTask {
  readonly kind: 'unary'
  readonly url: string
  /** Connections with one request under way on each. */
  readonly clients: number
  /** How long to measure, after a quarter as long that is not counted; Infinity until all is done. */
  readonly seconds: number
  readonly requests: RequestsOf
}

export interface UnaryResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A closed loop: each client sends its next request when it has read the answer to its last. */
export async function unaryLoad(task: UnaryTask): Promise<UnaryResult> {
  const requests = requestsOf(task.url, task.requests)
  const latencies: number[] = []
  const begin = performance.now() + (task.seconds === Infinity ? 0 : task.seconds * 250)
  const end = begin + task.seconds * 1000
  const finished = (sentAt: number): boolean => {
    const now = performance.now()
    if (now >= begin && now < end) {
      latencies.push(now - sentAt)
    }
    return now >= end
  }
  await Promise.all(
    Array.from({ length: task.clients }, (_, client) =>
      runClient(task.url, requests, client, finished),
    ),
  )
  const seconds = (Math.min(end, performance.now()) - begin) / 1000
  return {
    perSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

function runClient(
  url: string,
  requests: Requests,
  client: number,
  finished: (sentAt: number) => boolean,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let pieces: Buffer[] = []
  let sentAt = 0
  const end = (): void => {
    const answer = pieces.length === 1 ? pieces[0] : undefined
    requests.check(client, answer ?? Buffer.concat(pieces))
    pieces = []
    const request = finished(sentAt) ? undefined : requests.next(client)
    if (request === undefined) {
      connection.close()
      resolve()
    } else {
      send(request)
    }
  }
  const connection = new Connection(url, { body: (piece) => pieces.push(piece), end }, reject)
  const send = (request: Buffer): void => {
    sentAt = performance.now()
    connection.send(request)
  }
  const first = requests.next(client)
  if (first === undefined) {
    connection.close()
    resolve()
  } else {
    send(first)
  }
  return promise
}
