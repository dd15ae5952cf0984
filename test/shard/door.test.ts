import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { NewAccessToken } from '../../src/door/access-token.ts'
import type { Visitor } from '../../src/door/visitor.ts'
import { encode } from '../../src/protocol/binary.ts'
import { encodeCall, FrameKind } from '../../src/protocol/frames.ts'
import {
  AuthUserAddRequest,
  LeaderRequest,
  LeaseGrantRequest,
  LockRequest,
  PutRequest,
  RangeRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { CallContext } from '../../src/protocol/shard-rpc.ts'
import { Code } from '../../src/protocol/status.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { ask, bytes, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

const LOCK = '/v3lockpb.Lock/Lock'
const OBSERVE = '/v3electionpb.Election/Observe'
const INVALID = 'the access token is unknown here, revoked or expired'
const READ_ONLY = 'the access token is read-only'

const wanted: NewAccessToken = {
  description: '',
  access: 'read-write',
  commonNames: false,
  expires: undefined,
}

interface Made {
  readonly id: string
  readonly text: string
}

async function tokenOf(
  shard: DurableObjectStub<Shard>,
  options: Partial<NewAccessToken> = {},
): Promise<Made> {
  const made = await shard.createAccessToken({ ...wanted, ...options })
  if ('refused' in made) {
    throw new Error(made.refused.message)
  }
  return { id: made.token.id, text: made.text }
}

async function putAs(shard: DurableObjectStub<Shard>, context: CallContext): Promise<string> {
  const request = encode(PutRequest, create(PutRequest, { key: bytes('a') }))
  const [answer] = await shard.callMany([{ method: PUT, request, context }])
  return answer !== undefined && 'refused' in answer ? answer.refused.message : 'done'
}

describe('a call by RPC', () => {
  it('[DOR7] is refused unless it is stated whose it is', async () => {
    const shard = await shardNamed('door stated')
    expect(await putAs(shard, {})).toMatch(/an access token is needed/)
    expect(await putAs(shard, { asServer: true })).toMatch(/an access token is needed/)
    expect(await putAs(shard, { administrator: true })).toBe('done')
  })

  it('[DOR7] may what its token says, in its own keyspace', async () => {
    const shard = await shardNamed('door tokens')
    const write = await tokenOf(shard)
    const read = await tokenOf(shard, { access: 'read-only' })
    const expired = await tokenOf(shard, { expires: 1 })
    const other = await tokenOf(await shardNamed('door of another'))
    expect(await putAs(shard, { accessToken: write.text })).toBe('done')
    expect(await putAs(shard, { accessToken: read.text })).toBe(READ_ONLY)
    for (const accessToken of [expired.text, other.text, '', 'everything', write.text.slice(1)]) {
      expect(await putAs(shard, { accessToken })).toBe(INVALID)
      expect(await putAs(shard, { accessToken, administrator: true })).toBe(INVALID)
    }
    expect(await shard.revokeAccessToken(write.id)).toEqual({ known: true })
    expect(await shard.revokeAccessToken(write.id)).toEqual({ known: false })
    expect(await putAs(shard, { accessToken: write.text })).toBe(INVALID)
  })

  it('[DOR4] is known by its token after an eviction, and not by one that was revoked', async () => {
    const shard = await shardNamed('door eviction')
    const [kept, revoked] = [await tokenOf(shard), await tokenOf(shard)]
    await shard.revokeAccessToken(revoked.id)
    await evictDurableObject(shard)
    expect(await putAs(shard, { accessToken: kept.text })).toBe('done')
    expect(await putAs(shard, { accessToken: revoked.text })).toBe(INVALID)
    expect(await shard.accessTokens()).toMatchObject({ tokens: [{ id: kept.id }] })
  })

  it('[DOR7] pages of a range and the metrics are asked for in the same way', async () => {
    const shard = await shardNamed('door pages')
    const request = encode(RangeRequest, range('a'))
    const cursor = { revision: 1, position: bytes('a') } as never
    const read = await tokenOf(shard, { access: 'read-only' })
    for (const context of [{}, { accessToken: 'x' }]) {
      expect(await shard.rangeNext(request, cursor, context)).toHaveProperty('refused')
      expect(await shard.metrics(context)).toHaveProperty('refused')
    }
    expect(await shard.metrics({ accessToken: read.text })).toHaveProperty('values')
  })
})

describe('a session', () => {
  it('[DOR8] is opened for who may come in, and may what they may', async () => {
    const shard = await shardNamed('door sessions')
    const read = await tokenOf(shard, { access: 'read-only' })
    await expect(SessionClient.of(shard, {})).rejects.toThrow('an access token is needed')
    await expect(SessionClient.of(shard, { accessToken: 'x' })).rejects.toThrow(INVALID)
    const client = await SessionClient.of(shard, { accessToken: read.text })
    client.call(RANGE, range('a'), 2)
    await client.answer(2)
    client.call(PUT, put('a'), 3)
    await expect(client.answer(3)).rejects.toThrow(READ_ONLY)
    client.call(LOCK, create(LockRequest, { name: bytes('l') }), 4)
    await expect(client.answer(4)).rejects.toThrow(READ_ONLY)
  })

  it('[DOR8] does not become an administrator by saying so', async () => {
    const shard = await shardNamed('door escalation')
    const read = await tokenOf(shard, { access: 'read-only' })
    const client = await SessionClient.of(shard, { accessToken: read.text })
    const lies: readonly CallContext[] = [
      { administrator: true },
      { asServer: true },
      { administrator: { id: 'a', expires: undefined } },
    ]
    for (const [place, lie] of lies.entries()) {
      client.call(PUT, put('a'), place + 2, lie)
      await expect(client.answer(place + 2)).rejects.toThrow(READ_ONLY)
    }
    client.call(PUT, put('a'), 9, { accessToken: 'everything' })
    await expect(client.answer(9)).rejects.toThrow(INVALID)
  })

  it("[DOR9] carries calls and streams with a client's own token, which then counts", async () => {
    const shard = await shardNamed('door narrower')
    const read = await tokenOf(shard, { access: 'read-only' })
    const other = await tokenOf(await shardNamed('door of another'))
    const client = await SessionClient.of(shard, { administrator: true })
    client.call(PUT, put('a'), 2, { accessToken: read.text })
    await expect(client.answer(2)).rejects.toThrow(READ_ONLY)
    client.call(RANGE, range('a'), 3, { accessToken: other.text })
    await expect(client.answer(3)).rejects.toThrow(INVALID)
    client.watchStream({ accessToken: other.text }, 4)
    await client.until(() => client.ended !== undefined)
    expect(client.ended).toEqual({ code: Code.UNAUTHENTICATED, message: INVALID })
    client.frame(FrameKind.CALL, observing({ accessToken: other.text }), 5)
    await expect(client.answer(5)).rejects.toThrow(INVALID)
    client.call(PUT, put('a'), 6)
    await client.answer(6)
  })
})

describe('a token that is revoked', () => {
  it('[DOR10] ends what is open by it: watches, waiting calls, observers, the socket', async () => {
    const shard = await shardNamed('door revoked')
    const { id, text } = await tokenOf(shard)
    const client = await SessionClient.of(shard, { accessToken: text })
    await holdLock(shard)
    client.watchStream({})
    client.watch({ key: bytes('a') })
    client.call(LOCK, create(LockRequest, { name: bytes('l') }), 2)
    client.frame(FrameKind.CALL, observing({}), 3)
    await client.until(() => client.responses.length === 1)
    await shard.revokeAccessToken(id)
    await client.until(() => client.closed !== undefined)
    expect(client.ended).toEqual({ code: Code.UNAUTHENTICATED, message: INVALID })
    await expect(client.answer(2)).rejects.toThrow(INVALID)
    await expect(client.answer(3)).rejects.toThrow(INVALID)
    expect(client.closed).toBe(1008)
    await ask(shard, PUT, put('a'))
    expect(client.revisions).toEqual([])
    expect(await waitingKeys(shard)).toBe(1)
  })

  it('[DOR10] ends the streams and calls that showed it, and no others of the socket', async () => {
    const shard = await shardNamed('door revoked streams')
    const { id, text } = await tokenOf(shard)
    const client = await SessionClient.of(shard, { administrator: true })
    await holdLock(shard)
    client.watchStream({}, 1)
    client.watch({ key: bytes('a') }, 1)
    client.watchStream({ accessToken: text }, 2)
    client.watch({ key: bytes('a') }, 2)
    client.call(LOCK, create(LockRequest, { name: bytes('l') }), 3, { accessToken: text })
    await client.until(() => client.responses.length === 2)
    await shard.revokeAccessToken(id)
    await client.until(() => client.ended !== undefined && client.answers.has(3))
    await expect(client.answer(3)).rejects.toThrow(INVALID)
    await ask(shard, PUT, put('a'))
    await client.until(() => client.revisions.length === 1)
    expect(client.closed).toBeUndefined()
  })

  it.each(['session', 'stream'])(
    '[DOR10] ends what its %s has open when the object was evicted in between',
    async (whose) => {
      const shard = await shardNamed(`door evicted ${whose}`)
      const { id, text } = await tokenOf(shard)
      const other = await tokenOf(shard)
      const own = { accessToken: text }
      const client = await SessionClient.of(
        shard,
        whose === 'session' ? own : { administrator: true },
      )
      const lasting = await SessionClient.of(shard, { accessToken: other.text })
      for (const one of [client, lasting]) {
        one.watchStream(one === client && whose === 'stream' ? own : {})
        one.watch({ key: bytes('a') })
        await one.until(() => one.responses.length === 1)
      }
      await evictDurableObject(shard)
      await ask(shard, PUT, put('a'))
      await client.until(() => client.revisions.length === 1)
      await evictDurableObject(shard)
      await shard.revokeAccessToken(id)
      await client.until(() => client.ended !== undefined)
      expect(client.ended).toEqual({ code: Code.UNAUTHENTICATED, message: INVALID })
      await ask(shard, PUT, put('a'))
      await lasting.until(() => lasting.revisions.length === 2)
      expect(client.revisions).toHaveLength(1)
      expect(lasting.closed).toBeUndefined()
    },
  )
})

describe('a token that expires', () => {
  it.each(['session', 'stream'])(
    '[DOR11] ends what its %s has open by the one alarm',
    async (whose) => {
      const shard = await shardNamed(`door expiry ${whose}`)
      const expires = Date.now() + 100_000
      const { text } = await tokenOf(shard, { expires })
      const own = { accessToken: text }
      const client = await SessionClient.of(
        shard,
        whose === 'session' ? own : { administrator: true },
      )
      client.watchStream(whose === 'stream' ? own : {})
      client.watch({ key: bytes('a') })
      await client.until(() => client.responses.length === 1)
      expect(await alarmOf(shard)).toBe(expires)
      await evictDurableObject(shard)
      await pretendExpired(shard)
      await runDurableObjectAlarm(shard)
      await client.until(() => client.ended !== undefined)
      expect(client.ended).toEqual({ code: Code.UNAUTHENTICATED, message: INVALID })
    },
  )

  it('[DOR11] sets no alarm where nothing is open by it', async () => {
    const shard = await shardNamed('door no alarm')
    const { text } = await tokenOf(shard, { expires: Date.now() + 100_000 })
    expect(await putAs(shard, { accessToken: text })).toBe('done')
    expect(await alarmOf(shard)).toBeNull()
  })
})

describe("an administrator's token", () => {
  it('[DOR12] ends what is open by it when the directory says that it is revoked, or it expires', async () => {
    const shard = await shardNamed('door administrators')
    const administrator = { id: 'ab', expires: undefined }
    const lasting = await SessionClient.of(shard, { administrator: true })
    const client = await SessionClient.of(shard, { administrator })
    client.call(PUT, put('a'), 2)
    await client.answer(2)
    await evictDurableObject(shard)
    await shard.revokeAdministrator('ab')
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toBe(1008)
    await expect(SessionClient.of(shard, { administrator })).rejects.toThrow(INVALID)
    await expect(
      SessionClient.of(shard, { administrator: { id: 'cd', expires: 1 } }),
    ).rejects.toThrow(INVALID)
    lasting.call(PUT, put('a'), 2)
    await lasting.answer(2)
  })
})

describe('what a session says of certificates', () => {
  it('[DOR27] is believed of administrators and of tokens with commonNames alone', async () => {
    const shard = await shardNamed('door certificates')
    await enableAuth(shard)
    const plain = await tokenOf(shard)
    const named = await tokenOf(shard, { commonNames: true })
    const believed = async (visitor: Visitor): Promise<boolean> => {
      const client = await SessionClient.of(shard, visitor)
      client.call(RANGE, range('a'), 2, { commonName: 'root' })
      const answer = client.answer(2).then(
        () => 'done',
        (error: unknown) => String(error),
      )
      expect(['done', 'Error: etcdserver: user name is empty']).toContain(await answer)
      return (await answer) === 'done'
    }
    const administrator = { id: 'ab', expires: undefined }
    expect(await believed({ administrator: true })).toBe(true)
    expect(await believed({ administrator: 'link' })).toBe(true)
    expect(await believed({ administrator })).toBe(true)
    expect(await believed({ accessToken: named.text })).toBe(true)
    expect(await believed({ accessToken: plain.text })).toBe(false)
  })

  it('[DOR27] is remembered of a watch stream', async () => {
    const shard = await shardNamed('door certificates of watches')
    await enableAuth(shard)
    const client = await SessionClient.of(shard, { administrator: true })
    client.watchStream({ commonName: 'root' })
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    await evictDurableObject(shard)
    client.watch({ key: bytes('b') })
    await client.until(() => client.responses.length === 2)
    expect(client.responses.map(({ canceled }) => canceled)).toEqual([false, false])
  })
})

/** With the user root, who has no password. */
async function enableAuth(shard: DurableObjectStub<Shard>): Promise<void> {
  const user = create(AuthUserAddRequest, { name: 'root', options: { noPassword: true } })
  await ask(shard, '/etcdserverpb.Auth/UserAdd', user)
  await ask(shard, '/etcdserverpb.Auth/UserGrantRole', { user: 'root', role: 'root' })
  await ask(shard, '/etcdserverpb.Auth/AuthEnable', {})
}

/** Somebody else has the lock `l`. */
async function holdLock(shard: DurableObjectStub<Shard>): Promise<void> {
  await ask(shard, '/etcdserverpb.Lease/LeaseGrant', create(LeaseGrantRequest, { ID: 1n, TTL: 60 }))
  const holder = await SessionClient.of(shard, { administrator: true })
  holder.call(LOCK, create(LockRequest, { name: bytes('l'), lease: 1n }), 1)
  await holder.answer(1)
}

/** How many stand in the queue of the lock `l`, once all that has been asked so far is done. */
async function waitingKeys(shard: DurableObjectStub<Shard>): Promise<number> {
  const request = range('l/', { rangeEnd: bytes('l0') })
  const { count } = await ask<{ count: number }>(shard, RANGE, request)
  return count
}

function observing(context: CallContext): Uint8Array {
  const request = encode(LeaderRequest, { name: bytes('e') })
  return encodeCall({ method: OBSERVE, context, request })
}

function alarmOf(shard: DurableObjectStub<Shard>): Promise<number | null> {
  return runInDurableObject(shard, (_, state) => state.storage.getAlarm())
}

/** As if the time of all tokens had come while the object was not in memory. */
async function pretendExpired(shard: DurableObjectStub<Shard>): Promise<void> {
  await runInDurableObject(shard, async (_, state) => {
    state.storage.sql.exec('UPDATE access_token SET expires = 1')
    await state.storage.setAlarm(Date.now())
  })
  await evictDurableObject(shard)
}
