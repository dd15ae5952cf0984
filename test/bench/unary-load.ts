import { Connection } from './connection.ts'
import { MeasuredWindow, type UnaryResult } from './measured-window.ts'
import { type Requests, type RequestsOf, requestsOf } from './requests.ts'

export interface UnaryTask {
  readonly kind: 'unary'
  readonly url: string
  /** Connections with one request under way on each. */
  readonly clients: number
  /** How long to measure, after a quarter as long that is not counted; Infinity until all is done. */
  readonly seconds: number
  /** Whose processor time is measured, with that of all processes below it. */
  readonly serverPid?: number
  readonly requests: RequestsOf
}

/** A closed loop: each client sends its next request when it has read the answer to its last. */
export async function unaryLoad(task: UnaryTask): Promise<UnaryResult> {
  const requests = requestsOf(task.url, task.requests)
  const window = new MeasuredWindow(task.seconds, task.serverPid)
  await Promise.all(
    Array.from({ length: task.clients }, (_, client) =>
      runClient(task.url, requests, client, (sentAt) => window.over(sentAt)),
    ),
  )
  return window.result()
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
