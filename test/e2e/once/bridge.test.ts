import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { makeAuthority, makeLeaf, writePem } from '../../port/certificates.ts'
import { complaintOf, runCommand } from '../command.ts'
import { type DeployedWorker, deployWorker } from '../deployed.ts'
import { type Command, startBridge } from '../server.ts'

let directory: string
let worker: DeployedWorker
let tokenFile: string
let bridge: Command | undefined

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-bridge-'))
  worker = await deployWorker()
  tokenFile = join(directory, 'token')
  await writeFile(tokenFile, `${worker.token}\n`)
})

afterEach(async () => {
  await bridge?.stop()
  bridge = undefined
})

afterAll(async () => {
  await worker.remove()
  await rm(directory, { recursive: true })
})

async function start(flags: readonly string[] = []): Promise<Command> {
  bridge = await startBridge({ upstream: worker.url, tokenFile, flags })
  return bridge
}

async function post(url: string, request: object): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) })
  return response.json()
}

describe('a bridge', () => {
  it('[PRT9] serves HTTP/1.1 with a token that clients do not know', async () => {
    const { url } = await start()
    expect(await post(`${worker.url}/v3/kv/range`, { key: 'YQ==' })).toMatchObject({ code: 16 })
    expect(await post(`${url}/v3/kv/put`, { key: 'YQ==', value: 'Yg==' })).toMatchObject({
      header: { raft_term: '2' },
    })
    expect(await post(`${url}/v3/kv/range`, { key: 'YQ==' })).toMatchObject({
      kvs: [{ key: 'YQ==', value: 'Yg==' }],
    })
    const metrics = await fetch(`${url}/metrics`)
    expect(metrics.status).toBe(200)
  })

  it('[PRT9] streams watches over HTTP and WebSocket', async () => {
    const { url } = await start()
    const body = JSON.stringify({ create_request: { key: 'dw==' } })
    const response = await fetch(`${url}/v3/watch`, { method: 'POST', body })
    const lines = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await lines?.read())?.value).toContain('"created":true')
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v3/watch`)
    await once(socket, 'open')
    socket.send(body)
    expect(String((await once(socket, 'message'))[0])).toContain('"created":true')
    const heard = once(socket, 'message')
    await post(`${url}/v3/kv/put`, { key: 'dw==', value: 'Yg==' })
    expect(String((await heard)[0])).toContain('"key":"dw=="')
    expect((await lines?.read())?.value).toContain('"key":"dw=="')
    socket.close()
    await lines?.cancel()
  })

  it('[PRT9] serves gRPC, and HTTP/2 that is none, over TLS', async () => {
    const authority = await makeAuthority('ours')
    const files = await writePem(directory, 'server', await makeLeaf(authority))
    const listen = '--listen-client-urls=https://127.0.0.1:0'
    const { url } = await start([
      listen,
      `--cert-file=${files.certFile}`,
      `--key-file=${files.keyFile}`,
    ])
    const session = connectHttp2(url, { ca: authority.cert })
    const plain = session.request({ ':path': '/version' })
    expect(await text(plain)).toContain('"etcdserver"')
    const call = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.Maintenance/Status',
      'content-type': 'application/grpc',
      'te': 'trailers',
    })
    const trailers = once(call, 'trailers') as Promise<[Readonly<Record<string, unknown>>]>
    call.resume().end(Buffer.alloc(5))
    expect((await trailers)[0]['grpc-status']).toBe('0')
    session.close()
  })

  it('[PRT11] goes on when its upstream comes back', async () => {
    const { url, log } = await start()
    await worker.halt()
    expect(await post(`${url}/v3/kv/range`, { key: 'YQ==' })).toMatchObject({ code: 14 })
    while (!log().includes('"level":"warn","ts"')) {
      await sleep(20)
    }
    await worker.start()
    expect(await post(`${url}/v3/kv/put`, { key: 'YQ==', value: 'Yg==' })).toHaveProperty('header')
  })
})

async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([
    'bridge',
    '--listen-client-urls=http://127.0.0.1:0',
    ...args,
  ])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  return complaintOf(stderr)
}

describe('a bridge that cannot start', () => {
  it('[PRT10] says that its token is wrong, or missing', async () => {
    const wrongFile = join(directory, 'wrong-token')
    await writeFile(wrongFile, 'wrong')
    const upstream = `--upstream=${worker.url}`
    expect(await refusal([upstream, `--token-file=${wrongFile}`])).toContain('401')
    expect(await refusal([upstream])).toContain('401')
  })

  it('[PRT10] says that its upstream is something else, or speaks another version', async () => {
    const other = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://x')
      response.writeHead(pathname.startsWith('/old') ? 400 : 404).end('no such protocol')
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    expect(await refusal([`--upstream=${url}`])).toContain('404')
    expect(await refusal([`--upstream=${url}/old`])).toContain('no such protocol')
    other.close()
  })

  it('[PRT10] says what is wrong with its token file', async () => {
    const upstream = `--upstream=${worker.url}`
    expect(await refusal([upstream, '--token-file=/nonexistent'])).toBe(
      'cannot read /nonexistent: no such file or directory',
    )
    const emptyFile = join(directory, 'empty-token')
    await writeFile(emptyFile, '\n')
    expect(await refusal([upstream, `--token-file=${emptyFile}`])).toBe(
      `${emptyFile} holds no token: it must be one line of printable characters`,
    )
  })
})
