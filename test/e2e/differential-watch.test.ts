import { expect, it, onTestFinished } from 'vitest'
import { type Etcd, etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { seeds } from '../runs.ts'
import { modRevision } from './follower.ts'
import { base64, type Json, type JsonObject, send } from './http.ts'
import { flag, randomInterval, randomKey } from './random-messages.ts'
import { randomRequest } from './random-requests.ts'
import { Random } from './random.ts'
import { HttpStream } from './streams.ts'
import { Target } from './target.ts'
import { differencesOf } from './version-differences.ts'
import { eventsOf, Keyspace, WatchSession } from './watch-session.ts'

const writesPerSeed = 300
const watchesPerSeed = 30

it.for(seeds(2))('[DIF2] watches see what those of etcd see, seed %d', async (seed, { skip }) => {
  const oracle = await startEtcd()
  if (oracle === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start()
  onTestFinished(() => target.stop())
  await compareWatches(target, oracle, seed)
})

/** Half of the watches are there before the writes; half come later and replay some of them. */
async function compareWatches(target: Target, oracle: Etcd, seed: number): Promise<void> {
  const random = new Random(seed)
  const live = Array.from({ length: watchesPerSeed / 2 }, () => randomWatch(random, 0))
  const ours = await openAll(target.url, live)
  const theirs = await openAll(oracle.url, live)
  const revision = await writeHistory(random, target, oracle)
  const replays = Array.from({ length: watchesPerSeed / 2 }, () => randomWatch(random, revision))
  ours.push(...(await openAll(target.url, replays)))
  theirs.push(...(await openAll(oracle.url, replays)))
  const last = await markEnds([target.url, oracle.url], [...live, ...replays])
  for (const [at, watch] of [...live, ...replays].entries()) {
    const [seen, expected] = [ours[at], theirs[at]]
    if (seen === undefined || expected === undefined) {
      throw new Error('each watch is open at both')
    }
    const pair = { ours: await collect(seen, last), theirs: await collect(expected, last) }
    expect({ watch, events: pair.ours }).toEqual({ watch, events: pair.theirs })
    seen.stream.close()
    expected.stream.close()
  }
}

function randomWatch(random: Random, revision: number): JsonObject {
  const interval = randomInterval(random)
  const filters = random.weighted({ none: 4, NOPUT: 1, NODELETE: 1 })
  return {
    ...(isEmpty(interval) ? { key: randomKey(random) } : interval),
    ...flag(random, 'prev_kv', 0.5),
    ...(filters !== 'none' && { filters: [filters] }),
    ...(revision > 0 && { start_revision: String(random.integer(1, revision)) }),
  }
}

const bytes = (text: Json): Buffer => Buffer.from(String(text), 'base64')

/** A watch of nothing is refused, which other tests look at. */
function isEmpty({ key, range_end: rangeEnd }: JsonObject): boolean {
  if (key === undefined) {
    return true
  }
  const ends = rangeEnd !== undefined && rangeEnd !== base64('\0')
  return ends && bytes(key).compare(bytes(rangeEnd)) >= 0
}

function openAll(url: string, watches: readonly JsonObject[]): Promise<WatchSession[]> {
  return Promise.all(
    watches.map(async (watch) => {
      const session = new WatchSession(new HttpStream(url, '/v3/watch'))
      session.create(watch)
      await session.next()
      return session
    }),
  )
}

async function writeHistory(random: Random, target: Target, oracle: Etcd): Promise<number> {
  const differences = differencesOf(oracle.version, 'json')
  const keyspace = new Keyspace(() => oracle.url)
  let revision = 1
  for (let written = 0; written < writesPerSeed;) {
    const request = randomRequest(random, { currentRevision: revision, compactRevision: -1 })
    const skipped = differences.some(({ effect, applies }) => effect === 'skip' && applies(request))
    const { path, flaw } = request
    if (skipped || flaw !== undefined || path === '/v3/kv/range' || path === '/v3/kv/compaction') {
      continue
    }
    await Promise.all([send(target.url, request), send(oracle.url, request)])
    written += 1
    revision = await keyspace.revision()
  }
  return revision
}

/** Every watch, whatever it filters, gets an event that is after all others for it. */
async function markEnds(urls: readonly string[], watches: readonly JsonObject[]): Promise<number> {
  const revisions = await Promise.all(
    urls.map(async (url) => {
      const keyspace = new Keyspace(() => url)
      const keys = [...new Set(watches.map(({ key }) => String(key)))]
      const first = await keyspace.revision()
      await keyspace.txn(keys.map((key) => ({ request_put: { key } })))
      await keyspace.txn(keys.map((key) => ({ request_delete_range: { key } })))
      return first
    }),
  )
  expect(new Set(revisions).size).toBe(1)
  return revisions[0] ?? 0
}

/** The events up to the end mark; the events of one revision are not torn apart. */
async function collect(session: WatchSession, last: number): Promise<unknown> {
  const events: JsonObject[] = []
  while (modRevision(events.at(-1)) <= last) {
    const answer = await session.next()
    const more = eventsOf(answer)
    expect(modRevision(more[0])).not.toBe(modRevision(events.at(-1)))
    events.push(...more)
  }
  return events.filter((event) => modRevision(event) <= last)
}
