// One random history for two servers: each answer of ours is that of the other.
import { expect } from 'vitest'
import { comparableAnswer } from './comparable.ts'
import { type HttpAnswer, isObject, type Json, parseObject } from './http.ts'
import type { Bounds } from './random-messages.ts'
import type { RandomRequest } from './random-request.ts'
import { Random } from './random.ts'
import type { VersionDifference } from './version-differences.ts'

/** What a history has come to. */
export interface Memory extends Bounds {
  /** The user of each login. */
  readonly logins: readonly string[]
  /** Whose token was just refused. */
  readonly expelled: string | undefined
  /** The revision of the last leader to be. */
  readonly elected: number
  /** Of the last member that was added. */
  readonly peerUrl: string | undefined
}

export interface ComparedHistory {
  readonly seed: number
  readonly requests: number
  /** Requests that come before the random ones. */
  readonly foundation?: readonly RandomRequest[]
  readonly make: (random: Random, memory: Memory) => RandomRequest
  readonly ours: (request: RandomRequest) => Promise<HttpAnswer>
  readonly theirs: (request: RandomRequest) => Promise<HttpAnswer>
  /** Between theirs and etcd 3.7. */
  readonly differences: readonly VersionDifference[]
}

export async function compareHistories(compared: ComparedHistory): Promise<void> {
  const { seed, requests, foundation = [], make, differences } = compared
  const random = new Random(seed)
  const history: RandomRequest[] = []
  let memory = nothing
  while (history.length < foundation.length + requests) {
    const given = foundation[history.length]
    const request = given ?? make(random, memory)
    const applying = differences.filter(({ applies }) => applies(request))
    if (given === undefined && applying.some(({ effect }) => effect === 'skip')) {
      continue
    }
    history.push(request)
    try {
      const [ours, theirs] = await Promise.all([compared.ours(request), compared.theirs(request)])
      compareAnswers({ request, ours, theirs, applying })
      memory = memoryAfter(memory, request, theirs)
    } catch (error) {
      throw new Error(tell(seed, history), { cause: error })
    }
  }
}

interface Comparison {
  readonly request: RandomRequest
  readonly ours: HttpAnswer
  readonly theirs: HttpAnswer
  readonly applying: readonly VersionDifference[]
}

function compareAnswers({ request, ours, theirs, applying }: Comparison): void {
  const pair = { ours: comparableAnswer(request, ours), theirs: comparableAnswer(request, theirs) }
  for (const { effect } of applying) {
    if (effect !== 'skip') {
      pair.ours = effect(pair.ours)
      pair.theirs = effect(pair.theirs)
    }
  }
  expect(pair.ours).toEqual(pair.theirs)
}

function tell(seed: number, history: readonly RandomRequest[]): string {
  const prefix = history.map((request) => `${request.path} ${sent(request)}${notesOf(request)}`)
  return `seed ${seed}, request ${history.length} of this prefix:\n${prefix.join('\n')}`
}

function sent({ body, message, flaw }: RandomRequest): string {
  if (typeof body === 'string') {
    return body.includes('\n') ? JSON.stringify(body) : body
  }
  return JSON.stringify(flaw === undefined ? message : Buffer.from(body).toString('latin1'))
}

function notesOf({ flaw, shown }: RandomRequest): string {
  const who = shown === undefined ? '' : ` by ${shown.name} ${shown.value.slice(0, 40)}`
  return flaw === undefined ? who : `${who} (${flaw})`
}

const nothing: Memory = {
  currentRevision: 1,
  compactRevision: -1,
  logins: [],
  expelled: undefined,
  elected: 0,
  peerUrl: undefined,
}

function memoryAfter(memory: Memory, request: RandomRequest, answer: HttpAnswer): Memory {
  const { path, message, flaw, shown } = request
  if (answer.status === 401) {
    const login = /^<(\d+)>$/.exec(shown?.value ?? '')?.[1]
    return { ...memory, expelled: memory.logins[Number(login)] }
  }
  if (answer.status !== 200 || streams.has(path)) {
    return { ...memory, expelled: undefined }
  }
  const { header, leader, token, member } = parseObject(answer.body)
  const revision = isObject(header) ? header['revision'] : undefined
  const compacted = path === '/v3/kv/compaction' && flaw === undefined
  return {
    currentRevision: revision === undefined ? memory.currentRevision : Number(revision),
    compactRevision: compacted ? Number(message['revision']) : memory.compactRevision,
    logins: token === undefined ? memory.logins : [...memory.logins, String(message['name'])],
    expelled: undefined,
    elected: isObject(leader) ? Number(leader['rev']) : memory.elected,
    peerUrl: peerUrlOf(member) ?? memory.peerUrl,
  }
}

function peerUrlOf(member: Json | undefined): string | undefined {
  const urls = isObject(member) ? member['peerURLs'] : undefined
  return Array.isArray(urls) ? String(urls[0]) : undefined
}

const streams: ReadonlySet<string> = new Set([
  '/v3/lease/keepalive',
  '/v3/watch',
  '/v3/election/observe',
])
