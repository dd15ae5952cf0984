import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  ask,
  BAD_TOKEN,
  DENIED,
  enableAuth,
  type Headers,
  login,
  NOBODY,
  read,
  watchOver,
} from './auth-client.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { base64, type Json, type JsonObject, parseObject, send } from './http.ts'
import { Target } from './target.ts'

describe('the tokens of a keyspace', () => {
  let target: Target
  let alice: string

  beforeAll(async () => {
    target = await Target.start(['--bcrypt-cost=4'])
    await enableAuth(target.url)
    alice = await login(target.url, 'alice')
  })

  afterAll(() => target.stop())

  it('[AUT26] come in the headers that etcd takes them from', async () => {
    const { url } = target
    expect(await read(url, {})).toEqual(NOBODY)
    expect(await read(url, { Authorization: alice })).toBe('OK')
    expect(await read(url, { Authorization: `Bearer ${alice}` })).toBe('OK')
    expect(await read(url, { Authorization: `bearer ${alice}` })).toEqual(BAD_TOKEN)
    expect(await read(url, { 'Grpc-Metadata-Token': alice })).toBe('OK')
    expect(await read(url, { 'Grpc-Metadata-Authorization': alice })).toBe('OK')
    const both = { 'Grpc-Metadata-Token': 'garbage', 'Authorization': alice }
    expect(await read(url, both)).toEqual(BAD_TOKEN)
    expect(await read(url, { Authorization: 'x'.repeat(12_000) })).toEqual(BAD_TOKEN)
  })

  it.each([
    ['Authorization'],
    ['authorization'],
    ['Grpc-Metadata-Authorization'],
    ['Grpc-Metadata-Token'],
    ['grpc-metadata-token'],
  ])('[AUT44] are bad in whatever way %s is empty, and the first one counts', async (name) => {
    const { url } = target
    const empty = ['', ' ', '\t', 'Bearer', 'Bearer ', 'Bearer\t', 'bearer', ',']
    for (const value of empty) {
      expect(await read(url, { [name]: value }), `"${value}"`).toEqual(BAD_TOKEN)
    }
    const ofBoth = async (values: readonly string[]): Promise<string> =>
      rawRead(
        url,
        values.map((value) => `${name}: ${value}`),
      )
    expect(await ofBoth(['', alice])).toBe('401')
    expect(await ofBoth(['x', alice])).toBe('401')
    expect(await ofBoth([alice, ''])).toBe('200')
    expect(await ofBoth([alice, 'x'])).toBe('200')
  })

  it('[AUT26] come in the metadata that etcd takes them from', async () => {
    const client = new GrpcClient(target.url)
    onTestFinished(() => client.close())
    const get = (metadata: Headers): Promise<unknown> =>
      client.call('/etcdserverpb.KV/Range', { key: Buffer.from('a') }, { metadata })
    await get({ token: alice })
    await get({ authorization: `Bearer ${alice}` })
    expect(await refusalOf(get({}))).toEqual(NOBODY)
    expect(await refusalOf(get({ token: '' }))).toEqual(BAD_TOKEN)
    expect(await refusalOf(get({ token: ' ' }))).toEqual(BAD_TOKEN)
    expect(await refusalOf(get({ authorization: 'Bearer ' }))).toEqual(BAD_TOKEN)
    expect(await refusalOf(get({ token: 'x', authorization: alice }))).toEqual(BAD_TOKEN)
    expect(await refusalOf(get({ token: 'x'.repeat(40_000) }))).toEqual(BAD_TOKEN)
  })

  it('[AUT42] are looked at before an alarm, and what they permit behind it', async () => {
    const { url } = target
    const root = { Authorization: await login(url, 'root') }
    const lease = { ID: 5, TTL: 1000 }
    const header = { member_id: '' }
    const of = async (path: string, message: Json, headers: Headers): Promise<JsonObject> =>
      parseObject((await ask(url, path, message, headers)).body)
    await of('/v3/lease/grant', lease, root)
    await of('/v3/kv/put', { key: base64('b'), lease: lease.ID }, root)
    Object.assign(header, (await of('/v3/kv/range', { key: base64('b') }, root))['header'])
    const alarm = { memberID: header.member_id, alarm: 'CORRUPT' }
    await of('/v3/maintenance/alarm', { ...alarm, action: 'ACTIVATE' }, root)
    const revoke = (headers: Headers): Promise<JsonObject> =>
      of('/v3/lease/revoke', { ID: lease.ID }, headers)
    const corrupt = { code: 15, message: 'etcdserver: corrupt cluster' }
    expect(await revoke({})).toEqual(NOBODY)
    expect(await revoke({ Authorization: 'x' })).toEqual(BAD_TOKEN)
    expect(await revoke({ Authorization: alice })).toEqual(corrupt)
    expect(await revoke(root)).toEqual(corrupt)
    await of('/v3/maintenance/alarm', { ...alarm, action: 'DEACTIVATE' }, root)
    expect(await revoke({ Authorization: alice })).toEqual(DENIED)
    expect(await revoke(root)).toHaveProperty('header')
  })

  it('[AUT27] come as a subprotocol or a cookie of a WebSocket, and in no header of it', async () => {
    const { url } = target
    expect(await watchOver(url, ['Bearer', alice])).toEqual({ created: true })
    expect(await watchOver(url, [], { Cookie: `x=y; token=${alice}` })).toEqual({ created: true })
    expect(await watchOver(url, ['Bearer', 'x'], { Cookie: `token=${alice}` })).toEqual({
      created: true,
    })
    const refused = { watch_id: '-1', created: true, canceled: true }
    expect(await watchOver(url, [], { Authorization: alice })).toEqual({
      ...refused,
      cancel_reason: `rpc error: code = InvalidArgument desc = ${NOBODY.message}`,
    })
    expect(await watchOver(url, ['Bearer', 'garbage'])).toEqual({
      ...refused,
      cancel_reason: `rpc error: code = Unauthenticated desc = ${BAD_TOKEN.message}`,
    })
  })

  it('[AUT28] are asked for with WWW-Authenticate where a call is no stream', async () => {
    const headers = { Authorization: 'garbage' }
    const unary = await ask(target.url, '/v3/lease/leases', {}, headers)
    expect(unary.status).toBe(401)
    expect(unary.headers['www-authenticate']).toBe(BAD_TOKEN.message)
    const stream = await ask(target.url, '/v3/lease/keepalive', { ID: 1 }, headers)
    expect(stream.status).toBe(401)
    expect(stream.headers['www-authenticate']).toBeUndefined()
  })

  it('[AUT29] are no business of the probes', async () => {
    for (const path of ['/health', '/livez', '/readyz', '/metrics', '/version']) {
      expect((await send(target.url, { method: 'GET', path })).status).toBe(200)
    }
  })

  it('[AUT30] decide who observes an election: for others the stream ends at once', async () => {
    const observe = { name: base64('election') }
    const answer = await ask(target.url, '/v3/election/observe', observe, { Authorization: alice })
    expect([answer.status, answer.body]).toEqual([200, ''])
    const client = new GrpcClient(target.url)
    onTestFinished(() => client.close())
    const request = { name: Buffer.from('election') }
    const options = { metadata: { token: alice } }
    const stream = client.serverStream('/v3electionpb.Election/Observe', request, options)
    expect(await stream.all()).toEqual([])
  })

  it('[AUT11] outlive SIGKILL, and die with their user nevertheless', async () => {
    const root = await login(target.url, 'root')
    await target.kill9()
    await target.restart()
    const { url } = target
    expect(await read(url, { Authorization: alice })).toBe('OK')
    const name = { name: 'alice' }
    expect(await ask(url, '/v3/auth/user/delete', name, { Authorization: alice })).toMatchObject({
      status: 403,
      body: JSON.stringify(DENIED),
    })
    const deleted = await ask(url, '/v3/auth/user/delete', name, { Authorization: root })
    expect(deleted.status).toBe(200)
    await target.kill9()
    await target.restart()
    expect(await read(target.url, { Authorization: alice })).toEqual(BAD_TOKEN)
  })
})

/** The status of a read with these fields, which may have a name twice. */
async function rawRead(url: string, fields: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const body = JSON.stringify({ key: base64('a') })
  const length = `Content-Length: ${body.length}`
  socket.write(['POST /v3/kv/range HTTP/1.1', 'Host: a', ...fields, length, '', body].join('\r\n'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString('latin1', 'HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
}
