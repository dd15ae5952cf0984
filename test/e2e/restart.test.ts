import { afterEach, beforeEach, expect, it } from 'vitest'
import { seeds } from '../runs.ts'
import { Follower } from './follower.ts'
import { base64, type HttpRequest, isObject, type JsonObject, parseObject, send } from './http.ts'
import { Random } from './random.ts'
import { Target } from './target.ts'
import { Keyspace } from './watch-session.ts'

const stepsPerSeed = 60
let target: Target
const keyspace = new Keyspace(() => target.url)

beforeEach(async () => {
  target = await Target.start()
})

afterEach(() => target.stop())

it.each(seeds(2))('[DUR4] restarts between any two steps go unnoticed, seed %d', async (seed) => {
  const random = new Random(seed)
  const follower = new Follower()
  follower.open(target.url)
  let compactRevision = -1
  for (let count = 1; count <= stepsPerSeed; count++) {
    await step(random, count)
    const revision = await keyspace.revision()
    await follower.follow(revision)
    if (random.chance(0.1)) {
      compactRevision = random.integer(Math.max(compactRevision, 0), revision)
      await send(target.url, {
        path: '/v3/kv/compaction',
        body: JSON.stringify({ revision: compactRevision, physical: random.chance(0.5) }),
      })
    }
    if (random.chance(0.15)) {
      follower.close()
      await expectSameAfterRestart(random.chance(0.5), compactRevision)
      follower.open(target.url)
    }
  }
  follower.close()
  expectWhole(follower.events)
})

async function expectSameAfterRestart(killed: boolean, compactRevision: number): Promise<void> {
  const before = await portrait(compactRevision)
  if (killed) {
    await target.kill9()
  }
  await target.restart()
  expect(await portrait(compactRevision)).toEqual(before)
}

/** Each revision is there, in order, with all its events next to each other. */
function expectWhole(events: readonly JsonObject[]): void {
  const revisions = events.map((event) => (event['kv'] as JsonObject)['mod_revision'])
  const distinct = [...new Set(revisions)]
  expect(distinct).toEqual(Array.from({ length: distinct.length }, (_, at) => String(at + 2)))
  expect(revisions).toEqual(revisions.toSorted((first, second) => Number(first) - Number(second)))
}

async function step(random: Random, count: number): Promise<void> {
  const key = base64(random.pick(['a', 'b', 'c', 'd']))
  const value = base64(`value ${count}`)
  const ID = random.integer(1, 3)
  const other = base64('e')
  const txn = [{ request_put: { key, value } }, { request_delete_range: { key: other } }]
  const steps: Readonly<Record<string, HttpRequest>> = {
    put: { path: '/v3/kv/put', body: JSON.stringify({ key, value }) },
    putOther: { path: '/v3/kv/put', body: JSON.stringify({ key: other, value }) },
    delete: { path: '/v3/kv/deleterange', body: JSON.stringify({ key }) },
    deleteAll: { path: '/v3/kv/deleterange', body: '{"key":"AA==","range_end":"AA=="}' },
    txn: { path: '/v3/kv/txn', body: JSON.stringify({ success: txn }) },
    grant: { path: '/v3/lease/grant', body: JSON.stringify({ ID, TTL: ID * 1000 }) },
    leasedPut: { path: '/v3/kv/put', body: JSON.stringify({ key, value, lease: ID }) },
    revoke: { path: '/v3/lease/revoke', body: JSON.stringify({ ID }) },
    alarm: {
      path: '/v3/maintenance/alarm',
      body: JSON.stringify({ action: random.pick([1, 2, 2]), alarm: 'NOSPACE', memberID: 1 }),
    },
  }
  const request = steps[random.pick(Object.keys(steps))]
  if (request !== undefined) {
    // Some fail, for a missing lease or for want of space: that is a step, too.
    await send(target.url, request)
  }
}

/** All that a client can ask and that a restart must not change. */
async function portrait(compactRevision: number): Promise<JsonObject> {
  const { leases } = await keyspace.call('/v3/lease/leases', {})
  const ids = ((leases ?? []) as readonly JsonObject[]).map((lease) => String(lease['ID']))
  return {
    now: await answerTo('/v3/kv/range', everything(0)),
    compacted: await answerTo('/v3/kv/range', everything(compactRevision)),
    below: await answerTo('/v3/kv/range', everything(Math.max(compactRevision - 1, 1))),
    leases: await Promise.all(ids.map(timeToLive)),
    alarms: await answerTo('/v3/maintenance/alarm', {}),
  }
}

const everything = (revision: number): JsonObject => ({
  key: base64('\0'),
  range_end: base64('\0'),
  revision: String(revision),
})

/** An answer or an error, without the raft term, which grows with each start. */
async function answerTo(path: string, message: JsonObject): Promise<JsonObject> {
  const answer = await send(target.url, { path, body: JSON.stringify(message) })
  const { header, ...rest } = parseObject(answer.body)
  const ids = isObject(header) ? { ...header, raft_term: null } : null
  const { alarms } = rest
  return { header: ids, ...rest, ...(Array.isArray(alarms) && { alarms: inAnyOrder(alarms) }) }
}

async function timeToLive(ID: string): Promise<JsonObject> {
  const { grantedTTL, keys } = await keyspace.call('/v3/lease/timetolive', { ID, keys: true })
  return { ID, grantedTTL, keys: Array.isArray(keys) ? inAnyOrder(keys) : [] }
}

function inAnyOrder(list: readonly unknown[]): readonly string[] {
  return list.map((element) => JSON.stringify(element)).toSorted()
}
