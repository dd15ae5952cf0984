import { afterEach, beforeEach, expect, it } from 'vitest'
import { Follower, modRevision } from './follower.ts'
import { base64, call, type JsonObject, parseObject, send } from './http.ts'
import { Target } from './target.ts'
import { Keyspace } from './watch-session.ts'

let target: Target
const keyspace = new Keyspace(() => target.url)

beforeEach(async () => {
  target = await Target.start()
})

afterEach(() => target.stop())

interface Acknowledged {
  readonly keys: readonly string[]
  readonly value: string
  readonly revision: number
}

/** Writes transactions of two puts, one after the other, until the server is gone. */
async function writeUntilKilled(writer: string, acknowledged: Acknowledged[]): Promise<void> {
  for (let count = 0; ; count++) {
    const value = `${writer}-${count}`
    const keys = [`left/${value}`, `right/${value}`]
    const success = keys.map((key) => ({
      request_put: { key: base64(key), value: base64(value) },
    }))
    try {
      const body = JSON.stringify({ success })
      const answer = await send(target.url, { path: '/v3/kv/txn', body })
      if (answer.status !== 200) {
        return
      }
      const { header } = JSON.parse(answer.body) as {
        readonly header: { readonly revision: string }
      }
      acknowledged.push({ keys, value, revision: Number(header.revision) })
    } catch (error) {
      // Killed in the middle of a request: it may have been written or not.
      if (error instanceof Error) {
        return
      }
      throw error
    }
  }
}

it('[DUR1] SIGKILL during writes loses nothing that was acknowledged', async () => {
  const acknowledged: Acknowledged[] = []
  for (let round = 1; round <= 3; round++) {
    const wanted = acknowledged.length + 300
    const writers = Array.from({ length: 16 }, (_, at) =>
      writeUntilKilled(`${round}-${at}`, acknowledged),
    )
    while (acknowledged.length < wanted) {
      await keyspace.revision()
    }
    await target.kill9()
    await Promise.all(writers)
    await target.restart()
  }
  await expectKept(acknowledged)
  const last = Math.max(...acknowledged.map(({ revision }) => revision))
  expect(await keyspace.put('next', '')).toBeGreaterThan(last)
})

async function expectKept(acknowledged: readonly Acknowledged[]): Promise<void> {
  const revisions = new Set(acknowledged.map(({ revision }) => revision))
  expect(revisions.size).toBe(acknowledged.length)
  const all = { key: base64('\0'), range_end: base64('\0') }
  const { kvs } = await call(target.url, '/v3/kv/range', all)
  const found = new Map(
    (kvs as readonly JsonObject[]).map((kv) => [
      String(kv['key']),
      { value: kv['value'], revision: kv['mod_revision'] },
    ]),
  )
  for (const { keys, value, revision } of acknowledged) {
    for (const key of keys) {
      expect(found.get(base64(key))).toEqual({ value: base64(value), revision: String(revision) })
    }
  }
  // What was not acknowledged is there in whole or not at all: each revision is two events, and
  // between the first and the last none is missing.
  const follower = new Follower()
  follower.open(target.url)
  await follower.follow(await keyspace.revision())
  follower.close()
  const events = follower.events.map(modRevision)
  const expected = Array.from({ length: events.length }, (_, at) => 2 + Math.floor(at / 2))
  expect(events).toEqual(expected)
}

it('[DUR2] SIGKILL right after a compaction neither undoes nor breaks it', async () => {
  const keys = Array.from({ length: 20 }, (_, at) => `key ${at}`)
  for (let round = 0; round < 60; round++) {
    await Promise.all(keys.map((key) => keyspace.put(key, String(round))))
  }
  const last = await keyspace.revision()
  const middle = last - 300
  const kept = [await rangeAt(middle), await rangeAt(last - 100), await rangeAt(last)]
  await keyspace.call('/v3/kv/compaction', { revision: middle })
  await target.kill9()
  await target.restart()
  expect([await rangeAt(middle), await rangeAt(last - 100), await rangeAt(last)]).toEqual(kept)
  const message = 'etcdserver: mvcc: required revision has been compacted'
  const compacted = { code: 11, message, header: null }
  expect(await rangeAt(middle - 1)).toEqual(compacted)
  const again = await send(target.url, {
    path: '/v3/kv/compaction',
    body: `{"revision":${middle}}`,
  })
  expect(parseObject(again.body)).toEqual({ code: 11, message })
  await keyspace.compact(last - 100)
  expect(await rangeAt(middle)).toEqual(compacted)
  expect(await rangeAt(last)).toEqual(kept[2])
})

/** The keys of a revision without the header, or the error. */
async function rangeAt(revision: number): Promise<JsonObject> {
  const body = JSON.stringify({ key: base64('\0'), range_end: base64('\0'), revision })
  const answer = await send(target.url, { path: '/v3/kv/range', body })
  return { ...parseObject(answer.body), header: null }
}

it('[DUR3] a lease that runs out while the server is down takes its keys once it is up', async () => {
  const { ID: lease } = await keyspace.call('/v3/lease/grant', { TTL: 2 })
  await keyspace.put('a', '', { lease })
  await keyspace.put('b', '', { lease })
  await keyspace.put('c', '')
  const revision = await keyspace.revision()
  await target.kill9()
  await target.restart()
  const follower = new Follower()
  follower.open(target.url)
  await follower.follow(revision + 1)
  follower.close()
  expect(follower.events.slice(3)).toEqual([
    { type: 'DELETE', kv: { key: base64('a'), mod_revision: String(revision + 1) } },
    { type: 'DELETE', kv: { key: base64('b'), mod_revision: String(revision + 1) } },
  ])
  expect(await keyspace.call('/v3/lease/timetolive', { ID: lease })).toMatchObject({ TTL: '-1' })
})
