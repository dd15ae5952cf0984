import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { credentials, type ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { encode } from '../../../src/protocol/binary.ts'
import {
  decodeEnd,
  decodeFrames,
  encodeCall,
  encodeFrames,
  FrameKind,
  SESSION_PROTOCOL,
} from '../../../src/protocol/frames.ts'
import { RangeRequest, WatchCreateRequest } from '../../../src/protocol/generated/messages.ts'
import { create } from '../../../src/protocol/message-type.ts'
import type { MethodName } from '../../../src/protocol/methods.ts'
import { makeAuthority, makeLeaf, type Pem, writePem } from '../../port/certificates.ts'
import { GrpcClient } from '../grpc-client.ts'
import { type Server, startServer } from '../server.ts'

/** The subjects of clients. Of two names Go reads the last one. */
const subjects = {
  root: [{ name: 'commonName', value: 'root' }],
  alice: [{ name: 'commonName', value: 'alice' }],
  nobody: [{ name: 'commonName', value: 'nobody' }],
  nameless: [{ name: 'organizationName', value: 'org' }],
  two: [
    { name: 'commonName', value: 'alice' },
    { name: 'commonName', value: 'root' },
  ],
} as const

type Who = keyof typeof subjects

const everybody = Object.keys(subjects) as readonly Who[]
const REFUSAL =
  'CommonName of client sending a request against gateway will be ignored and not used as expected\n'

let authority: Pem
let directory: string
let server: Server
/** The same without --client-cert-auth; clients need a certificate all the same. */
let unnamed: Server
const pems = new Map<Who, Pem>()
const clients: GrpcClient[] = []

beforeAll(async () => {
  authority = await makeAuthority('ours')
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-common-name-'))
  const ca = await writePem(directory, 'ca', authority)
  const files = await writePem(directory, 'server', await makeLeaf(authority))
  for (const who of everybody) {
    pems.set(who, await makeLeaf(authority, { subject: subjects[who] }))
  }
  const flags = [
    '--listen-client-urls=https://127.0.0.1:0',
    `--cert-file=${files.certFile}`,
    `--key-file=${files.keyFile}`,
    `--trusted-ca-file=${ca.certFile}`,
    '--bcrypt-cost=4',
  ]
  server = await startServer({ flags: [...flags, '--client-cert-auth'] })
  unnamed = await startServer({ flags })
  for (const { url } of [server, unnamed]) {
    await enableAuth(url)
  }
})

afterAll(async () => {
  clients.forEach((client) => client.close())
  await server.stop()
  await unnamed.stop()
  await rm(directory, { recursive: true })
})

function pemOf(who: Who): Pem {
  return pems.get(who) ?? { cert: '', key: '' }
}

function clientOf(who: Who, url = server.url): GrpcClient {
  const { cert, key } = pemOf(who)
  const secure = credentials.createSsl(
    Buffer.from(authority.cert),
    Buffer.from(key),
    Buffer.from(cert),
  )
  const client = new GrpcClient(url, 'localhost', secure)
  clients.push(client)
  return client
}

const key = (name: string): Buffer => Buffer.from(name)

async function enableAuth(url: string): Promise<void> {
  const client = clientOf('root', url)
  await client.call('/etcdserverpb.KV/Put', { key: key('a') })
  await client.call('/etcdserverpb.Auth/UserAdd', { name: 'root', password: 'pw' })
  await client.call('/etcdserverpb.Auth/UserGrantRole', { user: 'root', role: 'root' })
  await client.call('/etcdserverpb.Auth/UserAdd', { name: 'alice', password: 'pw' })
  await client.call('/etcdserverpb.Auth/RoleAdd', { name: 'r' })
  const perm = { permType: 2, key: key('a'), rangeEnd: Buffer.alloc(0) }
  await client.call('/etcdserverpb.Auth/RoleGrantPermission', { name: 'r', perm })
  await client.call('/etcdserverpb.Auth/UserGrantRole', { user: 'alice', role: 'r' })
  await client.call('/etcdserverpb.Auth/AuthEnable', {})
}

const asked: readonly (readonly [string, MethodName, object])[] = [
  ['get a', '/etcdserverpb.KV/Range', { key: key('a') }],
  ['get b', '/etcdserverpb.KV/Range', { key: key('b') }],
  ['put a', '/etcdserverpb.KV/Put', { key: key('a') }],
  ['put b', '/etcdserverpb.KV/Put', { key: key('b') }],
  ['lease grant', '/etcdserverpb.Lease/LeaseGrant', { TTL: 10 }],
  ['alarm list', '/etcdserverpb.Maintenance/Alarm', {}],
  ['member list', '/etcdserverpb.Cluster/MemberList', {}],
  ['endpoint status', '/etcdserverpb.Maintenance/Status', {}],
  ['role get r', '/etcdserverpb.Auth/RoleGet', { role: 'r' }],
  ['user get alice', '/etcdserverpb.Auth/UserGet', { name: 'alice' }],
  ['user list', '/etcdserverpb.Auth/UserList', {}],
]

const denied = '7 etcdserver: permission denied'
const empty = '3 etcdserver: user name is empty'
const unknown = '9 etcdserver: user name not found'

/** What etcd 3.7.1 refuses to each; it answers everything else. */
const refusedByEtcd: Readonly<Record<Who, Readonly<Record<string, string>>>> = {
  root: {},
  two: {},
  alice: { 'get b': denied, 'put b': denied, 'user list': denied },
  nobody: {
    'get a': denied,
    'get b': denied,
    'put a': denied,
    'put b': denied,
    'role get r': unknown,
    'user get alice': unknown,
    'user list': unknown,
  },
  nameless: {
    'get a': denied,
    'get b': denied,
    'put a': denied,
    'put b': denied,
    'role get r': empty,
    'user get alice': empty,
    'user list': empty,
  },
}

async function refusalOf(
  client: GrpcClient,
  method: MethodName,
  request: object,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  try {
    await client.call(method, request, { metadata })
    return undefined
  } catch (error) {
    const { code, details } = error as ServiceError
    return `${code} ${details}`
  }
}

describe('a certificate', () => {
  it.each(everybody)('[DOR25] of %s says who its client is, as in etcd', async (who) => {
    const client = clientOf(who)
    const refused: Record<string, string> = {}
    for (const [name, method, request] of asked) {
      const refusal = await refusalOf(client, method, request)
      if (refusal !== undefined) {
        refused[name] = refusal
      }
    }
    expect(refused).toEqual(refusedByEtcd[who])
  })

  it('[DOR25] says who watches', async () => {
    const watches = clientOf('alice').stream('/etcdserverpb.Watch/Watch')
    const watch = (name: string): void =>
      watches.send({ createRequest: create(WatchCreateRequest, { key: key(name) }) })
    watch('a')
    expect(await watches.next()).toMatchObject({ created: true, canceled: false })
    watch('b')
    expect(await watches.next()).toMatchObject({
      canceled: true,
      cancelReason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    })
    watches.cancel()
  })

  it('[DOR25] comes behind a token, be that a wrong one', async () => {
    const root = clientOf('root')
    const range = '/etcdserverpb.KV/Range'
    const invalid = '16 etcdserver: invalid auth token'
    for (const metadata of [{ token: 'bad' }, { token: '' }, { authorization: 'Bearer x.1' }]) {
      expect(await refusalOf(root, range, { key: key('a') }, metadata)).toBe(invalid)
    }
    const { token } = await root.call('/etcdserverpb.Auth/Authenticate', {
      name: 'alice',
      password: 'pw',
    })
    expect(await refusalOf(root, range, { key: key('b') }, { token })).toBe(denied)
  })

  it('[DOR25] says nothing without the flag', async () => {
    const client = clientOf('root', unnamed.url)
    expect(await refusalOf(client, '/etcdserverpb.KV/Range', { key: key('a') })).toBe(empty)
  })
})

/** A call by a session of one's own, which claims a common name. */
async function overSession(who: Who, url: string, commonName: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('https', 'wss')}/session`, SESSION_PROTOCOL, {
    ...pemOf(who),
    ca: authority.cert,
  })
  await once(socket, 'open')
  const method = '/etcdserverpb.KV/Range'
  const request = encode(RangeRequest, create(RangeRequest, { key: key('b') }))
  const payload = encodeCall({ method, context: { commonName }, request })
  socket.send(encodeFrames([{ kind: FrameKind.CALL, stream: 1, payload }]))
  const [message] = (await once(socket, 'message')) as [Buffer]
  socket.terminate()
  const [frame] = decodeFrames(message)
  const { code, message: said } = decodeEnd(frame?.payload ?? Buffer.of(255))
  return `${code} ${said}`
}

describe('a session that a client opens by itself', () => {
  it('[DOR28] speaks for nobody, whatever it says', async () => {
    expect(await overSession('alice', server.url, 'root')).toBe(empty)
    expect(await overSession('nameless', unnamed.url, 'root')).toBe(empty)
  })
})

interface Answered {
  readonly status: number | undefined
  readonly body: string
}

async function overHttp1(who: Who, path: string, url = server.url): Promise<Answered> {
  const sent = httpsRequest(`${url}${path}`, {
    ...pemOf(who),
    ca: authority.cert,
    agent: false,
    method: path.startsWith('/v3') ? 'POST' : 'GET',
  })
  sent.end(path.startsWith('/v3') ? '{"key":"YQ=="}' : '')
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await text(response) }
}

async function overHttp2(who: Who, path: string): Promise<Answered> {
  const session = connectHttp2(server.url, { ...pemOf(who), ca: authority.cert })
  const stream = session.request({ ':method': 'POST', ':path': path })
  stream.end('{"key":"YQ=="}')
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
  const body = await text(stream)
  session.close()
  return { status: Number(headers[':status']), body }
}

describe('the HTTP gateway', () => {
  it('[DOR26] refuses a client whose certificate has a name', async () => {
    const refused = { status: 400, body: REFUSAL }
    for (const path of ['/v3/kv/range', '/v3beta/kv/range', '/v3/watch', '/v3/nowhere']) {
      expect(await overHttp1('alice', path)).toEqual(refused)
      expect(await overHttp2('alice', path)).toEqual(refused)
    }
    const socket = new WebSocket(`${server.url.replace('https', 'wss')}/v3/watch`, {
      ...pemOf('alice'),
      ca: authority.cert,
    })
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
    expect(response.statusCode).toBe(400)
  })

  it('[DOR26] refuses nothing else, and nobody else', async () => {
    expect((await overHttp1('alice', '/health')).status).toBe(200)
    const nameless = { status: 400, body: '{"code":3,"message":"etcdserver: user name is empty"}' }
    expect(await overHttp1('nameless', '/v3/kv/range')).toEqual(nameless)
    expect(await overHttp1('alice', '/v3/kv/range', unnamed.url)).toEqual(nameless)
  })

  it('[DOR26] refuses no more once auth is off', async () => {
    const root = clientOf('root')
    await root.call('/etcdserverpb.Auth/AuthDisable', {})
    expect((await overHttp1('alice', '/v3/kv/range')).status).toBe(200)
    await root.call('/etcdserverpb.Auth/AuthEnable', {})
    expect((await overHttp1('alice', '/v3/kv/range')).status).toBe(400)
  })
})
