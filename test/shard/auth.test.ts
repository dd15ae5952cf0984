import { evictDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { encode } from '../../src/protocol/binary.ts'
import { encodeCall, FrameKind } from '../../src/protocol/frames.ts'
import {
  type AuthenticateResponse,
  AuthUserAddRequest,
  RangeRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { ask, bytes, call, LEASE_KEEP_ALIVE, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

type Stub = DurableObjectStub<Shard>

async function auth<T>(shard: Stub, name: string, request: object, token?: string): Promise<T> {
  return ask<T>(shard, `/etcdserverpb.Auth/${name}` as MethodName, request, token)
}

/** The users root, and alice who may read `a`; answers alice's token. */
async function enabled(shard: Stub): Promise<{ readonly root: string; readonly alice: string }> {
  for (const name of ['root', 'alice']) {
    await auth(shard, 'UserAdd', create(AuthUserAddRequest, { name, password: name }))
  }
  await auth(shard, 'UserGrantRole', { user: 'root', role: 'root' })
  await auth(shard, 'RoleAdd', { name: 'a' })
  const perm = { permType: 0, key: bytes('a'), rangeEnd: new Uint8Array(0) }
  await auth(shard, 'RoleGrantPermission', { name: 'a', perm })
  await auth(shard, 'UserGrantRole', { user: 'alice', role: 'a' })
  await auth(shard, 'AuthEnable', {})
  return { root: await login(shard, 'root'), alice: await login(shard, 'alice') }
}

async function login(shard: Stub, name: string): Promise<string> {
  const request = { name, password: name }
  return (await auth<AuthenticateResponse>(shard, 'Authenticate', request)).token
}

describe('a password', () => {
  it('[AUT46] whose hash is too costly is refused, and the old one stays', async () => {
    const shard = await shardNamed('costly hash')
    await enabled(shard)
    const hashed = async (cost: number) => {
      const hashedPassword = btoa(`$2a$${cost}$${'x'.repeat(53)}`)
      const root = await login(shard, 'root')
      const request = { name: 'alice', password: '', hashedPassword }
      return auth(shard, 'UserChangePassword', request, root)
    }
    await expect(hashed(17)).rejects.toThrow(/bcrypt cost of a hashed password is 14 at most/)
    expect(await login(shard, 'alice')).not.toBe('')
    await hashed(10)
    await expect(login(shard, 'alice')).rejects.toThrow('authentication failed')
  })
})

const refused = (code: string, message: string) => ({
  watchId: -1,
  created: true,
  canceled: true,
  cancelReason: `rpc error: code = ${code} desc = etcdserver: ${message}`,
})

describe('a watch', () => {
  it('[AUT35] is permitted when it is created, and goes on whatever is taken away later', async () => {
    const shard = await shardNamed('auth watch')
    const { root, alice } = await enabled(shard)
    const client = await SessionClient.open(shard, alice)
    client.watch({ key: bytes('b') })
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 2)
    expect(client.responses[0]).toMatchObject(refused('PermissionDenied', 'permission denied'))
    await auth(shard, 'UserDelete', { name: 'alice' }, root)
    await ask(shard, PUT, put('a'), root)
    await client.until(() => client.revisions.length === 1)
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 4)
    expect(client.responses[3]).toMatchObject(refused('Unauthenticated', 'invalid auth token'))
  })

  it("[AUT36] is created by its stream's token after an eviction, too", async () => {
    const shard = await shardNamed('auth watch evicted')
    const { root, alice } = await enabled(shard)
    const client = await SessionClient.open(shard, alice)
    const nobody = await SessionClient.open(shard)
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    await evictDurableObject(shard)
    client.watch({ key: bytes('a') })
    client.watch({ key: bytes('b') })
    await client.until(() => client.responses.length === 3)
    expect(client.responses[1]).toMatchObject({ watchId: 1, created: true, canceled: false })
    expect(client.responses[2]).toMatchObject(refused('PermissionDenied', 'permission denied'))
    await ask(shard, PUT, put('a'), root)
    await client.until(() => client.revisions.length === 2)
    nobody.watch({ key: bytes('a') })
    await nobody.until(() => nobody.responses.length === 1)
    expect(nobody.responses[0]).toMatchObject(refused('InvalidArgument', 'user name is empty'))
  })
})

describe('a socket', () => {
  it('[AUT37] speaks for clients and never as the server', async () => {
    const shard = await shardNamed('auth as server')
    await enabled(shard)
    const context = { asServer: true, administrator: true as const }
    const request = encode(RangeRequest, range('a'))
    const [asServer] = await shard.callMany([{ method: RANGE, request, context }])
    expect(asServer).toHaveProperty('response')
    const client = await SessionClient.open(shard)
    client.frame(FrameKind.CALL, encodeCall({ method: RANGE, context, request }), 2)
    await expect(client.answer(2)).rejects.toThrow('user name is empty')
  })
})

describe('a login', () => {
  it('[AUT18] holds up no other request', async () => {
    const shard = await shardNamed('auth login')
    const { root } = await enabled(shard)
    const order: string[] = []
    const logIn = async (name: string): Promise<void> => {
      await login(shard, name)
      order.push(`login of ${name}`)
    }
    const logins = Promise.all([logIn('root'), logIn('alice')])
    for (let i = 0; i < 5; i++) {
      await ask(shard, PUT, put('a'), root)
    }
    order.push('puts')
    await logins
    expect(order).toEqual(['puts', 'login of root', 'login of alice'])
  })
})

describe('what the sender of a request is refused', () => {
  it.each([LEASE_KEEP_ALIVE, PUT, RANGE] as const)(
    '[AUT2] comes before the deed: %s',
    async (method) => {
      const shard = await shardNamed(`auth ${method}`)
      await enabled(shard)
      const request =
        method === LEASE_KEEP_ALIVE ? { ID: 1n } : method === PUT ? put('a') : range('a')
      const answer = await call(shard, method, request)
      expect(answer).toEqual({
        refused: { code: 3, message: 'etcdserver: user name is empty' },
      })
    },
  )
})
