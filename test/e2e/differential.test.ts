import { expect, it, onTestFinished } from 'vitest'
import { type Etcd, etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { comparableAnswer } from './comparable.ts'
import { type HttpAnswer, isObject, parseObject, send } from './http.ts'
import type { Bounds } from './random-messages.ts'
import { type RandomRequest, randomRequest } from './random-requests.ts'
import { Random } from './random.ts'
import { Target } from './target.ts'
import { differencesOf, type VersionDifference } from './version-differences.ts'

const requestsPerSeed = 1000
/** E2E_SEED=7 runs one other history than the four that are always run. */
const seeds =
  process.env['E2E_SEED'] === undefined ? [1, 2, 3, 4] : [Number(process.env['E2E_SEED'])]

it.for(seeds)('[DIF1] answers as etcd does, seed %d', async (seed, { skip }) => {
  const oracle = await startEtcd()
  if (oracle === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start()
  onTestFinished(() => target.stop())
  await compareHistories(target, oracle, seed)
})

async function compareHistories(target: Target, oracle: Etcd, seed: number): Promise<void> {
  const random = new Random(seed)
  const differences = differencesOf(oracle.version)
  const history: RandomRequest[] = []
  let bounds: Bounds = { currentRevision: 1, compactRevision: -1 }
  while (history.length < requestsPerSeed) {
    const request = randomRequest(random, bounds)
    const applying = differences.filter(({ applies }) => applies(request))
    if (applying.some(({ effect }) => effect === 'skip')) {
      continue
    }
    history.push(request)
    const [ours, theirs] = await Promise.all([send(target.url, request), send(oracle.url, request)])
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
  const prefix = history.map(
    ({ path, body, flaw }) => `${path} ${oneLine(body)}${flaw === undefined ? '' : ` (${flaw})`}`,
  )
  return `seed ${seed}, request ${history.length} of this prefix:\n${prefix.join('\n')}`
}

function oneLine(body: string | Uint8Array): string {
  const text = Buffer.from(body).toString()
  return text.includes('\n') ? JSON.stringify(text) : text
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
