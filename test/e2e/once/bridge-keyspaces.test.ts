import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../oracle/free-port.ts'
import { runCommand } from '../command.ts'
import { type DeployedWorker, deployWorker } from '../deployed.ts'
import { base64, call, send } from '../http.ts'
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
  for (const name of ['one', 'two']) {
    await keyspace('create', name)
  }
})

afterEach(async () => {
  await bridge?.stop()
  bridge = undefined
})

afterAll(async () => {
  await worker.remove()
  await rm(directory, { recursive: true })
})

async function keyspace(...args: readonly string[]): Promise<void> {
  const access = [`--endpoint=${worker.url}`, `--token-file=${tokenFile}`]
  const { code, stderr } = await runCommand(['keyspace', ...args, ...access])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
}

async function start(...flags: readonly string[]): Promise<Command> {
  bridge = await startBridge({ upstream: worker.url, tokenFile, flags })
  return bridge
}

/** The path goes as it is. */
async function answerOf(url: string, path: string, method = 'GET'): Promise<IncomingMessage> {
  const { hostname: host, port } = new URL(url)
  const asked = request({ host, port, path, method }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  await text(response)
  return response
}

async function statusOf(url: string, path: string, method = 'GET'): Promise<number | undefined> {
  return (await answerOf(url, path, method)).statusCode
}

const put = (url: string, value: string) =>
  call(url, '/v3/kv/put', { key: base64('k'), value: base64(value) })
const range = (url: string) => call(url, '/v3/kv/range', { key: base64('k') })

describe('a bridge with --keyspace', () => {
  it('[PRT13] serves that one, its probes and metrics included', async () => {
    const { url } = await start('--keyspace=one')
    await put(url, 'in one')
    expect(await range(url)).toMatchObject({ kvs: [{ value: base64('in one') }] })
    for (const path of ['/health', '/livez', '/readyz', '/version', '/metrics', '/debug/vars']) {
      expect(await statusOf(url, path)).toBe(200)
    }
    const { body } = await send(url, { method: 'GET', path: '/metrics' })
    expect(body).toMatch(/^etcd_debugging_mvcc_current_revision 2$/m)
  })

  it('[PRT13] serves several, each on a port of its own', async () => {
    const { urls } = await start(
      '--keyspace',
      `two=http://127.0.0.1:0,http://127.0.0.1:${await freePort()}`,
      '--keyspace=default',
    )
    expect(urls.length).toBe(3)
    const [first = '', second = '', plain = ''] = urls
    await put(first, 'in two')
    expect(await range(second)).toMatchObject({ kvs: [{ value: base64('in two') }] })
    expect(await range(plain)).not.toHaveProperty('kvs')
  })

  it('[PRT14] passes on nothing but what the keyspace serves', async () => {
    const { url } = await start('--keyspace=one')
    for (const path of [
      '/keyspaces',
      '/keyspaces/two/v3/kv/range',
      '/tokens',
      '/openapi.json',
      '/',
      '/v3/../../two/version',
      '/v3/../tokens',
      '/../two/version',
      '/%2e%2e/two/version',
      '/.%2E/tokens',
      '/version/..%2f..',
      '/v3\\..\\..\\two\\version',
      '/..',
    ]) {
      expect([path, await statusOf(url, path)]).toEqual([path, 404])
      expect([path, await statusOf(url, path, 'DELETE')]).toEqual([path, 404])
    }
  })

  it('[PRT14] redirects to where its clients can follow', async () => {
    const { url } = await start('--keyspace=one')
    for (const [path, location] of [
      ['/v3//kv/put', '/v3/kv/put'],
      ['//version', '/version'],
      ['/v3', '/v3/'],
    ] as const) {
      const { statusCode, headers } = await answerOf(url, path)
      expect([path, statusCode, headers.location]).toEqual([path, 307, location])
    }
  })

  it('[PRT15] does not start where there is no such keyspace, and says so', async () => {
    const args = ['--upstream', worker.url, '--token-file', tokenFile]
    const { code, stderr } = await runCommand([
      'bridge',
      ...args,
      '--keyspace=one=http://127.0.0.1:0',
      '--keyspace=three=http://127.0.0.1:0',
    ])
    expect(code).toBe(1)
    const session = `${worker.url.replace('http', 'ws')}/keyspaces/three/session`
    const reason = 'it answers HTTP 404 where a WebSocket was asked for: keyspace not found'
    expect(stderr).toContain(`"msg":"cannot use ${session}: ${reason}"}\n`)
  })

  it('[PRT16] answers NotFound once its keyspace is deleted, until there is one again', async () => {
    await keyspace('create', 'short')
    const { url } = await start('--keyspace=short')
    await put(url, 'first')
    await keyspace('delete', 'short')
    const asked = { path: '/v3/kv/range', body: '{"key":"aw=="}' }
    const { status, body } = await send(url, asked)
    expect([status, JSON.parse(body)]).toEqual([404, { code: 5, message: 'keyspace not found' }])
    await keyspace('create', 'short')
    // The bridge looks for it again from time to time.
    while ((await send(url, asked)).status === 404) {
      await sleep(20)
    }
    expect(await range(url)).toMatchObject({ header: { revision: '1' } })
  })
})
