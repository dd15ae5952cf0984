import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { keysCall } from '../../../src/gateway-rules/v2-keys-call.ts'
import {
  decodeFrames,
  encodeCall,
  encodeFrames,
  FrameKind,
  SESSION_PROTOCOL,
} from '../../../src/protocol/frames.ts'
import { decodeV2Answer, encodeV2Call, V2_METHOD } from '../../../src/protocol/v2-wire.ts'
import { etcdMissing, startEtcd } from '../../oracle/etcd.ts'
import { freePort } from '../../oracle/free-port.ts'
import { makeAuthority, makeLeaf, type Pem, writePem } from '../../port/certificates.ts'
import { type Server, startServer } from '../server.ts'

const everybody = ['root', 'alice', 'nobody'] as const
type Who = (typeof everybody)[number]

let authority: Pem
let directory: string
let flags: readonly string[]
let server: Server
let ours: readonly string[]
const pems = new Map<Who, Pem>()

beforeAll(async () => {
  authority = await makeAuthority('ours')
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-v2-certificate-'))
  const ca = await writePem(directory, 'ca', authority)
  const files = await writePem(directory, 'server', await makeLeaf(authority))
  for (const who of everybody) {
    pems.set(who, await makeLeaf(authority, { subject: [{ name: 'commonName', value: who }] }))
  }
  flags = [
    '--enable-v2',
    '--client-cert-auth',
    `--cert-file=${files.certFile}`,
    `--key-file=${files.keyFile}`,
    `--trusted-ca-file=${ca.certFile}`,
  ]
  const listen = '--listen-client-urls=https://127.0.0.1:0'
  server = await startServer({ flags: [...flags, listen, '--bcrypt-cost=4'] })
  ours = await answersOf(server.url)
})

afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

interface Asked {
  readonly who: Who
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

function put(who: Who, path: string, body: string, headers?: Asked['headers']): Asked {
  return { who, method: 'PUT', path, body, ...(headers && { headers }) }
}

function get(who: Who, path: string): Asked {
  return { who, method: 'GET', path }
}

const role = (name: string): string =>
  `{"role":"${name}","permissions":{"kv":{"read":["/${name}/*"],"write":["/${name}/*"]}}}`
const basic = (user: string): Asked['headers'] => ({ authorization: `Basic ${btoa(`${user}:pw`)}` })

/** Users are looked at as soon as that is enabled. */
const asked: readonly Asked[] = [
  put('nobody', '/v2/auth/users/root', '{"user":"root","password":"pw"}'),
  put('nobody', '/v2/auth/users/alice', '{"user":"alice","password":"pw"}'),
  put('nobody', '/v2/auth/roles/alice', role('alice')),
  put('nobody', '/v2/auth/roles/guest', role('guest')),
  put('nobody', '/v2/auth/users/alice', '{"user":"alice","grant":["alice"]}'),
  put('nobody', '/v2/auth/enable', ''),
  ...everybody.flatMap((who) => [
    put(who, '/v2/keys/alice/x', 'value=1'),
    put(who, '/v2/keys/guest/x', 'value=1'),
    put(who, '/v2/keys/other', 'value=1'),
    get(who, '/v2/keys/alice/x'),
    get(who, '/v2/keys/alice/x?wait=true&waitIndex=10'),
    get(who, '/v2/keys/other?wait=true&waitIndex=10'),
    get(who, '/v2/auth/users/alice'),
    put(who, '/v2/keys/other', 'value=1', basic('root')),
    put(who, '/v2/keys/alice/x', 'value=1', basic('alice')),
    put(who, '/v2/keys/alice/x', 'value=1', basic('nobody')),
    put(who, '/v2/keys/alice/x', 'value=1', { authorization: 'Bearer x' }),
    put(who, '/v2/keys/other', 'value=1', { 'x-client-certificate': 'root' }),
  ]),
]

async function answered(url: string, one: Asked): Promise<string> {
  const { who, method, path, body = '', headers = {} } = one
  const type = body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded'
  const sent = httpsRequest(`${url}${path}`, {
    ...pems.get(who),
    ca: authority.cert,
    method,
    headers: { 'content-type': type, 'content-length': body.length, ...headers },
    agent: false,
  })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const said = (await text(response)).replaceAll(/"(\w*[iI]ndex)":\d+/g, '"$1":0')
  return `${who} ${method} ${path}: ${response.statusCode} ${said}`
}

async function answersOf(url: string): Promise<readonly string[]> {
  const answers: string[] = []
  for (const one of asked) {
    answers.push(await answered(url, one))
  }
  return answers
}

it('[V2A16] of a client says which user of v2 it is, as in etcd', async ({ skip }) => {
  const secondUrl = `https://127.0.0.1:${await freePort()}`
  const etcd = await startEtcd({ flags, secondUrl })
  if (etcd === undefined) {
    return skip(etcdMissing)
  }
  try {
    skip(!etcd.version.startsWith('3.4.'), `etcd ${etcd.version} has no v2 API of 3.4`)
    expect(ours).toEqual(await answersOf(secondUrl))
  } finally {
    await etcd.stop()
  }
})

async function overHttp2(who: Who, path: string): Promise<unknown> {
  const session = connectHttp2(server.url, { ...pems.get(who), ca: authority.cert })
  const stream = session.request({ ':method': 'PUT', ':path': `${path}?value=1` })
  stream.end()
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
  stream.resume()
  session.close()
  return headers[':status']
}

it('[V2A16] says so over HTTP/2 too', async () => {
  expect(await overHttp2('root', '/v2/keys/other')).toBe(200)
  expect(await overHttp2('alice', '/v2/keys/alice/x')).toBe(200)
  expect(await overHttp2('alice', '/v2/keys/other')).toBe(401)
})

it('[V2A16] is not believed of a session that a client opens by itself', async () => {
  const socket = new WebSocket(`${server.url.replace('https', 'wss')}/session`, SESSION_PROTOCOL, {
    ...pems.get('nobody'),
    ca: authority.cert,
  })
  await once(socket, 'open')
  const path = '/other'
  const call = keysCall({
    method: 'GET',
    contentType: null,
    query: '',
    body: new Uint8Array(0),
    path,
    askedPath: path,
    credentials: { commonName: 'root' },
  })
  const payload = encodeCall({ method: V2_METHOD, context: {}, request: encodeV2Call(call) })
  socket.send(encodeFrames([{ kind: FrameKind.CALL, stream: 1, payload }]))
  const [message] = (await once(socket, 'message')) as [Buffer]
  socket.terminate()
  const [frame] = decodeFrames(message)
  const answer = decodeV2Answer(frame?.payload.subarray(1) ?? new Uint8Array(0))
  expect(answer).toMatchObject({ refusal: { code: 110 } })
})
