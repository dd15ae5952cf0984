// One random history for two servers: each answer of ours is that of the other.
import { expect } from 'vitest'
import { comparableAnswer } from './comparable.ts'
import { type HttpAnswer, isObject, parseObject } from './http.ts'
import type { Bounds } from './random-messages.ts'
import type { RandomRequest } from './random-requests.ts'
import { Random } from './random.ts'
import type { VersionDifference } from './version-differences.ts'

export interface ComparedHistory {
  readonly seed: number
  readonly requests: number
  readonly make: (random: Random, bounds: Bounds) => RandomRequest
  readonly ours: (request: RandomRequest) => Promise<HttpAnswer>
  readonly theirs: (request: RandomRequest) => Promise<HttpAnswer>
  /** Between theirs and etcd 3.7. */
  readonly differences: readonly VersionDifference[]
}

export async function compareHistories(compared: ComparedHistory): Promise<void> {
  const { seed, requests, make, differences } = compared
  const random = new Random(seed)
  const history: RandomRequest[] = []
  let bounds: Bounds = { currentRevision: 1, compactRevision: -1 }
  while (history.length < requests) {
    const request = make(random, bounds)
    const applying = differences.filter(({ applies }) => applies(request))
    if (applying.some(({ effect }) => effect === 'skip')) {
      continue
    }
    history.push(request)
    const [ours, theirs] = await Promise.all([compared.ours(request), compared.theirs(request)])
    compareAnswers({ request, ours, theirs, applying }, () => tell(seed, history))
    bounds = boundsAfter(bounds, request, theirs)
  }
}

interface Comparison {
  readonly request: RandomRequest
  readonly ours: HttpAnswer
  readonly theirs: HttpAnswer
  readonly applying: readonly VersionDifference[]
}

function compareAnswers(comparison: Comparison, told: () => string): void {
  const { request, ours, theirs, applying } = comparison
  const pair = { ours: comparableAnswer(request, ours), theirs: comparableAnswer(request, theirs) }
  for (const { effect } of applying) {
    if (effect !== 'skip') {
      pair.ours = effect(pair.ours)
      pair.theirs = effect(pair.theirs)
    }
  }
  // Describing the history costs more than the comparison: only a failure needs it.
  try {
    expect(pair.ours).toEqual(pair.theirs)
  } catch (error) {
    throw new Error(told(), { cause: error })
  }
}

function tell(seed: number, history: readonly RandomRequest[]): string {
  const prefix = history.map((request) => `${request.path} ${sent(request)}${flawOf(request)}`)
  return `seed ${seed}, request ${history.length} of this prefix:\n${prefix.join('\n')}`
}

function sent({ body, message, flaw }: RandomRequest): string {
  if (typeof body === 'string') {
    return body.includes('\n') ? JSON.stringify(body) : body
  }
  return JSON.stringify(flaw === undefined ? message : Buffer.from(body).toString('latin1'))
}

function flawOf({ flaw }: RandomRequest): string {
  return flaw === undefined ? '' : ` (${flaw})`
}

function boundsAfter(bounds: Bounds, request: RandomRequest, answer: HttpAnswer): Bounds {
  if (answer.status !== 200 || request.path.endsWith('/keepalive')) {
    return bounds
  }
  const { header } = parseObject(answer.body)
  const currentRevision = isObject(header) ? Number(header['revision']) : bounds.currentRevision
  const compacted = request.path === '/v3/kv/compaction' && request.flaw === undefined
  const compactRevision = compacted ? Number(request.message['revision']) : bounds.compactRevision
  return { currentRevision, compactRevision }
}
