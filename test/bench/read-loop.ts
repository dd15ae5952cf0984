import { setTimeout as sleep } from 'node:timers/promises'
import type { LargeRequest } from './fairness-requests.ts'
import { GrpcConnection } from './grpc-connection.ts'
import { askOnce } from './one-request.ts'

/** Many clients ask for 100 MB at once. */
const ANSWER_MS_MAX = 120_000

export interface ReadLoopTask {
  readonly kind: 'read-loop'
  readonly url: string
  readonly token: string
  readonly requests: readonly LargeRequest[]
  /** Each on a connection of its own. */
  readonly clients: number
  readonly seconds: number
}

export interface ReadLoopResult {
  readonly answered: number
  readonly bytes: number
  /** What a client that was alone was refused, and was again. */
  readonly refusedAlike: number
  /** What was answered to a client that was alone, or refused in other words. */
  readonly refusedOtherwise: readonly string[]
}

/** Asks for each by itself, then for all of them in a loop by many, each beginning with another. */
export async function readLoop(task: ReadLoopTask): Promise<ReadLoopResult> {
  const { url, token, requests, clients, seconds } = task
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const open = (): GrpcConnection => new GrpcConnection(url, reject, token)
  const alone = open()
  const refusedAlone = new Map<string, string | undefined>()
  for (const request of requests) {
    const { refused } = await Promise.race([askOnce(alone, request), broken])
    refusedAlone.set(request.name, refused)
  }
  alone.close()
  const until = performance.now() + seconds * 1000
  const refusedOtherwise: string[] = []
  let answered = 0
  let bytes = 0
  let refusedAlike = 0
  const loop = async (client: number): Promise<void> => {
    const connection = open()
    for (let i = client; performance.now() < until; i++) {
      const request = requests[i % requests.length] as LargeRequest
      const late = new AbortController()
      const result = await Promise.race([
        askOnce(connection, request),
        sleep(ANSWER_MS_MAX, { bytes: 0, refused: 'no answer in time' }, { signal: late.signal }),
      ])
      late.abort()
      bytes += result.bytes
      if (result.refused === undefined) {
        answered++
      } else if (result.refused === refusedAlone.get(request.name)) {
        refusedAlike++
      } else {
        refusedOtherwise.push(`${request.name}: ${result.refused}`)
      }
    }
    connection.close()
  }
  await Promise.race([Promise.all(Array.from({ length: clients }, (_, i) => loop(i))), broken])
  return { answered, bytes, refusedAlike, refusedOtherwise }
}
