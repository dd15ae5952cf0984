import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { SecureContextOptions } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeAuthority, makeLeaf, type Pem, writePem } from '../../port/certificates.ts'
import { complaintOf, runCommand } from '../command.ts'
import { runtimeFlags } from '../runtime.ts'
import { type Server, startServer } from '../server.ts'

let authority: Pem
let directory: string
let files: { certFile: string; keyFile: string }
let server: Server | undefined

beforeAll(async () => {
  authority = await makeAuthority('ours')
})

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-serve-tls-'))
  files = await writePem(directory, 'server', await makeLeaf(authority))
  server = undefined
})

afterEach(async () => {
  await server?.stop()
  await rm(directory, { recursive: true })
})

async function start(flags: readonly string[]): Promise<Server> {
  server = await startServer({ dataDir: join(directory, 'data'), flags })
  return server
}

const tlsUrl = '--listen-client-urls=https://127.0.0.1:0'

function certificateFlags(): readonly string[] {
  return [`--cert-file=${files.certFile}`, `--key-file=${files.keyFile}`]
}

interface Asked {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Status and body of an answer over TLS and HTTP/1.1. */
async function ask(url: string, options: SecureContextOptions, asked: Asked = {}) {
  const { body = '', ...rest } = asked
  const sent = request(url, { ca: authority.cert, agent: false, ...options, ...rest })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await text(response) }
}

describe('https URLs', () => {
  it('[TLS9] are served beside http, and told of in the member list', async () => {
    const both = '--listen-client-urls=https://127.0.0.1:0,http://127.0.0.1:0'
    const { urls } = await start([both, ...certificateFlags()])
    expect(urls.map((url) => url.replace(/\d+$/, ''))).toEqual([
      'https://127.0.0.1:',
      'http://127.0.0.1:',
    ])
    const version = await ask(`${urls[0]}/version`, {})
    expect(version).toMatchObject({ status: 200 })
    const list = await ask(`${urls[0]}/v3/cluster/member/list`, {}, { method: 'POST', body: '{}' })
    expect(JSON.parse(list.body)).toMatchObject({ members: [{ clientURLs: urls }] })
    const plain = await fetch(`${urls[1]}/version`)
    expect(await plain.text()).toBe(version.body)
  })

  it('[PRT8] answer HTTP/2 that is not gRPC', async () => {
    const { url } = await start([tlsUrl, ...certificateFlags()])
    const session = connectHttp2(url, { ca: authority.cert })
    const stream = session.request({ ':path': '/v3/kv/range', ':method': 'POST' })
    stream.end('{"key":"YQ=="}')
    const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
    expect(headers[':status']).toBe(200)
    expect(JSON.parse(await text(stream))).toMatchObject({ header: { revision: '1' } })
    session.close()
  })

  it('[TLS9] are not held to the list of hosts, which is there for plaintext', async () => {
    const both = '--listen-client-urls=https://127.0.0.1:0,http://127.0.0.1:0'
    const { urls } = await start([both, '--host-whitelist=example.com', ...certificateFlags()])
    expect(await ask(`${urls[0]}/version`, {})).toMatchObject({ status: 200 })
    for (const headers of [{}, { 'X-Forwarded-Proto': 'https' }]) {
      const response = await fetch(`${urls[1]}/version`, { headers })
      expect(response.status).toBe(421)
    }
  })

  it('[TLS3] ask for client certificates where they are told to', async () => {
    const trustedCaFile = join(directory, 'ca.pem')
    await writeFile(trustedCaFile, authority.cert)
    const auth = ['--client-cert-auth', `--trusted-ca-file=${trustedCaFile}`]
    const { url } = await start([tlsUrl, ...certificateFlags(), ...auth])
    expect(await ask(`${url}/version`, await makeLeaf(authority))).toMatchObject({ status: 200 })
    await expect(ask(`${url}/version`, {})).rejects.toThrow(/certificate required/)
    const stranger = await makeLeaf(await makeAuthority('theirs'))
    await expect(ask(`${url}/version`, stranger)).rejects.toThrow(/ECONNRESET|socket hang up/)
  })

  it('[TLS8] have a certificate of their own with --auto-tls, the same after a restart', async () => {
    const first = await start([tlsUrl, '--auto-tls'])
    const certFile = join(first.dataDir, 'fixtures', 'client', 'cert.pem')
    const ca = await readFile(certFile, 'utf8')
    expect(await ask(`${first.url}/version`, { ca })).toMatchObject({ status: 200 })
    await first.stop()
    const second = await start([tlsUrl, '--auto-tls'])
    expect(await ask(`${second.url}/version`, { ca })).toMatchObject({ status: 200 })
  })
})

async function refusal(flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([
    `--data-dir=${join(directory, 'data')}`,
    tlsUrl,
    ...runtimeFlags,
    ...flags,
  ])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  return complaintOf(stderr)
}

it('[CLI15] a server ends while clients are in the middle of a handshake, or say nothing', async () => {
  const both = '--listen-client-urls=https://127.0.0.1:0,http://127.0.0.1:0'
  const { urls } = await start([both, ...certificateFlags()])
  const sockets = urls.map((url) => connect({ port: Number(new URL(url).port), host: '127.0.0.1' }))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  for (const socket of sockets) {
    socket.on('error', () => undefined).resume()
  }
  await server?.stop()
  await Promise.all(closed)
})

describe('a server that cannot serve TLS', () => {
  it('[TLS6] says so in one line', async () => {
    const [cert, key] = certificateFlags()
    const { certFile, keyFile } = files
    expect(await refusal([])).toBe(
      '--cert-file and --key-file must be given for https://127.0.0.1:0',
    )
    expect(await refusal([cert ?? ''])).toBe('--cert-file and --key-file must both be given')
    expect(await refusal(['--cert-file=/nonexistent', key ?? ''])).toBe(
      'cannot read /nonexistent: no such file or directory',
    )
    await writeFile(keyFile, (await makeLeaf(authority)).key)
    expect(await refusal(certificateFlags())).toBe(
      `the private key in ${keyFile} is not that of ${certFile}`,
    )
  })

  it('[TLS6] names a key that it may not read', async (context) => {
    if (process.getuid?.() === 0) {
      context.skip('root may read anything')
    }
    await chmod(files.keyFile, 0)
    expect(await refusal(certificateFlags())).toBe(
      `cannot read ${files.keyFile}: permission denied`,
    )
  })

  it('[TLS7] refuses versions and suites that leave nothing', async () => {
    const versions = ['--tls-min-version=TLS1.3', '--tls-max-version=TLS1.2']
    expect(await refusal([...certificateFlags(), ...versions])).toBe(
      '--tls-min-version TLS1.3 is greater than --tls-max-version TLS1.2',
    )
    const suites = ['--tls-min-version=TLS1.3', '--cipher-suites=TLS_AES_128_GCM_SHA256']
    expect(await refusal([...certificateFlags(), ...suites])).toBe(
      '--cipher-suites cannot be configured when only TLS1.3 is enabled',
    )
  })
})
