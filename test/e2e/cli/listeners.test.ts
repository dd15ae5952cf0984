import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http'
import { connect as connectHttp2, type IncomingHttpStatusHeader } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type SecureContextOptions } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeAuthority, makeLeaf, type Pem, writePem } from '../../port/certificates.ts'
import { complaintOf, runCommand } from '../command.ts'
import { GrpcClient } from '../grpc-client.ts'
import { runtimeFlags } from '../runtime.ts'
import { type Server, startServer } from '../server.ts'

let authority: Pem
let directory: string
let socket: string
let server: Server | undefined
let certificateFlags: readonly string[]

beforeAll(async () => {
  authority = await makeAuthority('ours')
})

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-listeners-'))
  socket = join(directory, 'etcd.sock')
  const { certFile, keyFile } = await writePem(directory, 'server', await makeLeaf(authority))
  certificateFlags = [`--cert-file=${certFile}`, `--key-file=${keyFile}`]
  server = undefined
})

afterEach(async () => {
  await server?.stop()
  await rm(directory, { recursive: true })
})

async function start(...flags: readonly string[]): Promise<Server> {
  server = await startServer({ dataDir: join(directory, 'data'), flags })
  return server
}

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: string
}

async function ask(
  url: string,
  options: RequestOptions & SecureContextOptions = {},
): Promise<Answer> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const sent = send(url, { ca: authority.cert, agent: false, ...options })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: await text(response),
  }
}

/** Puts over gRPC, and answers the revision. */
async function put(url: string, secure = credentials.createInsecure()): Promise<number> {
  const client = new GrpcClient(url, 'localhost', secure)
  try {
    const [key, value] = [Buffer.from('k'), Buffer.from('v')]
    const { header } = await client.call('/etcdserverpb.KV/Put', { key, value })
    return header?.revision ?? 0
  } finally {
    client.close()
  }
}

const version = '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}'

describe('a Unix socket', () => {
  it('[LSN1] serves gRPC and HTTP, and is told of in the member list', async () => {
    const secure = `${socket}s`
    const urls = [`unix://${socket}`, `unixs://${secure}`, 'http://127.0.0.1:0']
    await start(`--listen-client-urls=${urls.join(',')}`, ...certificateFlags)
    const listed = await fetch(`${server?.urls[2]}/v3/cluster/member/list`, {
      method: 'POST',
      body: '{}',
    })
    expect(await listed.json()).toMatchObject({ members: [{ clientURLs: server?.urls }] })
    expect(server?.urls.slice(0, 2)).toEqual(urls.slice(0, 2))
    expect(await put(`unix://${socket}`)).toBe(2)
    const ssl = credentials.createSsl(Buffer.from(authority.cert))
    expect(await put(`unix://${secure}`, ssl)).toBe(3)
    expect(await ask('http://any/version', { socketPath: socket })).toMatchObject({ body: version })
    expect(await ask('https://localhost/version', { socketPath: secure })).toMatchObject({
      body: version,
    })
  })

  it('[LSN2] replaces what a killed server left, and is gone with the server', async () => {
    const flag = `--listen-client-urls=unix://${socket}`
    await start(flag)
    await server?.kill9()
    expect((await stat(socket)).isSocket()).toBe(true)
    await start(flag)
    expect(await put(`unix://${socket}`)).toBe(2)
    await server?.stop()
    server = undefined
    await expect(stat(socket)).rejects.toThrow('ENOENT')
  })

  it('[LSN2] is not taken from a server that runs', async () => {
    const flag = `--listen-client-urls=unix://${socket}`
    await start(flag)
    const args = [flag, `--data-dir=${join(directory, 'other')}`, ...runtimeFlags]
    const { code, stderr } = await runCommand(args)
    expect(code).toBe(1)
    expect(complaintOf(stderr)).toBe(`cannot listen on ${socket}: address already in use`)
    expect(await put(`unix://${socket}`)).toBe(2)
  })

  it('[LSN2] takes the place of no other file', async () => {
    await writeFile(socket, 'precious')
    const dataDir = `--data-dir=${join(directory, 'data')}`
    for (const [path, why] of [
      [socket, 'there is a file that is no socket'],
      [join(directory, 'nowhere', 'x'), 'no such directory'],
      [join(directory, 'x'.repeat(120)), 'a path that no socket can have'],
    ]) {
      const url = `--listen-client-urls=unix://${path}`
      const { code, stderr } = await runCommand([url, dataDir, ...runtimeFlags])
      expect(code).toBe(1)
      expect(stderr).toContain(`cannot listen on ${path}: ${why}`)
    }
    expect((await stat(socket)).isFile()).toBe(true)
  })
})

it('[LSN3] http and https of one address are told apart', async () => {
  const listen = '--listen-client-urls=http://127.0.0.1:0,https://127.0.0.1:0'
  const { urls, port } = await start(listen, ...certificateFlags)
  expect(urls).toEqual([`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`])
  const ssl = credentials.createSsl(Buffer.from(authority.cert))
  expect(await put(urls[0] ?? '')).toBe(2)
  expect(await put(urls[1] ?? '', ssl)).toBe(3)
  for (const url of urls) {
    expect(await ask(`${url}/version`)).toMatchObject({ status: 200, body: version })
  }
})

/** Of the server's socket, in plaintext. */
function get(path: string, method = 'GET'): Promise<Answer> {
  return ask(`http://127.0.0.1${path}`, { socketPath: socket, method })
}

describe('metrics URLs', () => {
  const listen = '--listen-client-urls=https://127.0.0.1:0'
  const plain = 'text/plain; charset=utf-8'

  /** Starts with client certificates and a token asked for; the metrics are on Unix sockets. */
  async function startGuarded(): Promise<void> {
    const [caFile, secret] = [join(directory, 'ca.pem'), join(directory, 'secret')]
    await writeFile(caFile, authority.cert)
    await writeFile(secret, 'a-secret-of-this-test\n')
    await start(
      listen,
      ...certificateFlags,
      '--client-cert-auth',
      `--trusted-ca-file=${caFile}`,
      `--token-file=${secret}`,
      `--listen-metrics-urls=unix://${socket},unixs://${socket}s`,
    )
  }

  it('[LSN4][LSN5] serve probes and metrics without certificate and token, and nothing else', async () => {
    await startGuarded()
    const metrics = await get('/metrics')
    expect(metrics.type).toBe('text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
    expect(metrics.body).toContain('\netcd_server_has_leader 1\n')
    const health = { status: 200, type: plain, body: '{"health":"true","reason":""}' }
    expect(await get('/health')).toEqual(health)
    for (const path of ['/livez', '/readyz', '/livez/serializable_read']) {
      expect(await get(path)).toEqual({ status: 200, type: plain, body: 'ok\n' })
    }
    const missing = { status: 404, type: plain, body: '404 page not found\n' }
    for (const path of [
      '/',
      '/version',
      '/debug/vars',
      '/v3/kv/range',
      '/keyspaces',
      '/metricsx',
    ]) {
      expect(await get(path)).toEqual(missing)
    }
    const refused = { status: 405, type: plain, body: 'Method Not Allowed\n' }
    expect(await get('/health', 'POST')).toEqual(refused)
    expect(await get('/health', 'OPTIONS')).toEqual(refused)
  })

  it('[LSN5] over TLS ask for a certificate where client URLs do', async () => {
    await startGuarded()
    const url = 'https://localhost/health'
    const options = { socketPath: `${socket}s` }
    await expect(ask(url, options)).rejects.toThrow(/certificate required/)
    const known = await makeLeaf(authority)
    expect(await ask(url, { ...options, ...known })).toMatchObject({ status: 200 })
  })
})

describe('HTTP on URLs of its own', () => {
  it('[LSN6] leaves gRPC alone on the client URLs, over TLS and without', async () => {
    const [plain, secure] = [`${socket}-http`, `${socket}-https`]
    await start(
      `--listen-client-urls=unix://${socket},unixs://${socket}`,
      `--listen-client-http-urls=unix://${plain},unixs://${secure}`,
      ...certificateFlags,
    )
    const ssl = credentials.createSsl(Buffer.from(authority.cert))
    expect(await put(`unix://${socket}`)).toBe(2)
    expect(await put(`unix://${socket}`, ssl)).toBe(3)
    const answer = { status: 200, body: version }
    expect(await ask('http://any/version', { socketPath: plain })).toMatchObject(answer)
    expect(await ask('https://localhost/version', { socketPath: secure })).toMatchObject(answer)
    const hangUp = /socket hang up|ECONNRESET/
    await expect(ask('http://any/version', { socketPath: socket })).rejects.toThrow(hangUp)
    await expect(ask('https://localhost/version', { socketPath: socket })).rejects.toThrow(hangUp)
    // What a client of etcd's reads: 14, and 12 with a page that was not found.
    await expect(put(`unix://${plain}`)).rejects.toMatchObject({ code: 14 })
    await expect(put(`unix://${secure}`, ssl)).rejects.toMatchObject({ code: 12 })
    // Go's gRPC server says it of HTTP/2 that is not gRPC.
    expect(await statusOverHttp2(socket)).toBe(415)
  })

  it('[LSN7] cannot be that of gRPC', async () => {
    const { code, stderr } = await runCommand([
      `--data-dir=${join(directory, 'data')}`,
      `--listen-client-urls=unix://${socket}`,
      `--listen-client-http-urls=unix://${socket}`,
    ])
    expect(code).toBe(1)
    expect(complaintOf(stderr)).toBe(
      `cannot bind both --listen-client-urls and --listen-client-http-urls on the same url unix://${socket}`,
    )
  })
})

/** Of GET /version over TLS. */
async function statusOverHttp2(path: string): Promise<number | undefined> {
  const session = connectHttp2('https://localhost', {
    createConnection: () =>
      connectTls({ path, ca: authority.cert, servername: 'localhost', ALPNProtocols: ['h2'] }),
  })
  const stream = session.request({ ':path': '/version' })
  const [headers] = (await once(stream, 'response')) as [IncomingHttpStatusHeader]
  session.destroy()
  return headers[':status']
}
