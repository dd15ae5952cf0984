import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { complaintOf, runCommand } from '../command.ts'
import { GrpcClient } from '../grpc-client.ts'
import { runtimeFlags } from '../runtime.ts'
import { startServer } from '../server.ts'

const anyPort = '--listen-client-urls=http://127.0.0.1:0'
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-serve-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

/** Runs a command that refuses to serve: one line says why, and standard output is silent. */
async function refusal(
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<{ code: number | null; line: string }> {
  const { code, stdout, stderr } = await runCommand([...runtimeFlags, ...args], environment)
  expect(stdout).toBe('')
  return { code, line: complaintOf(stderr) }
}

async function post(url: string, request: object): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) })
  return response.json()
}

/** Whether a process is there, or one of the group -`pid`, as a signal would find it. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('a server that starts', () => {
  it('[CLI13] says when it is ready, and is', async () => {
    const server = await startServer({ dataDir: directory })
    const { status } = await fetch(`${server.url}/livez`)
    expect(status).toBe(200)
    await server.stop()
  })

  it('[CLI13] listens on every URL', async (context) => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    if (!addresses.some(({ address }) => address === '::1')) {
      context.skip('this machine has no IPv6 loopback')
    }
    const flags = ['--listen-client-urls=http://127.0.0.1:0,http://[::1]:0']
    const server = await startServer({ dataDir: directory, flags })
    expect(server.urls.map((url) => url.replace(/\d+$/, ''))).toEqual([
      'http://127.0.0.1:',
      'http://[::1]:',
    ])
    for (const url of server.urls) {
      const { status } = await fetch(`${url}/livez`)
      expect(status).toBe(200)
    }
    await server.stop()
  })

  it('[CLI13] binds the address that it was given and no other', async () => {
    const server = await startServer({ dataDir: directory })
    const elsewhere = fetch(`http://127.0.0.2:${server.port}/livez`)
    await expect(elsewhere).rejects.toThrow('fetch failed')
    await server.stop()
  })

  it('[CLI3] hands flags and ETCD_* variables on to the Worker, the flag first', async () => {
    const env = {
      ETCD_NAME: 'variable',
      ETCD_ADVERTISE_CLIENT_URLS: 'https://etcd.example.com:443',
    }
    const server = await startServer({ dataDir: directory, flags: ['--name=flag'], env })
    expect(await post(`${server.url}/v3/cluster/member/list`, {})).toMatchObject({
      members: [{ name: 'flag', clientURLs: ['https://etcd.example.com:443'] }],
    })
    await server.stop()
  })

  it('[CLI3] warns of a variable that no flag has', async () => {
    const server = await startServer({ dataDir: directory, env: { ETCD_DATADIR: '/x' } })
    expect(server.log()).toMatch(
      /"level":"warn".*"msg":"unrecognized environment variable","variable":"ETCD_DATADIR"/,
    )
    await server.stop()
  })
})

it('[FLG6] answers nothing below /v3/ without the JSON gateway, and all else', async () => {
  const flags = [
    '--enable-grpc-gateway=false',
    '--initial-advertise-peer-urls=http://10.0.0.1:2380',
  ]
  const server = await startServer({ dataDir: directory, flags })
  for (const path of ['/v3/kv/range', '/v3beta/kv/range', '/v3/watch', '/v3/nonsense']) {
    const response = await fetch(server.url + path, { method: 'POST', body: '{"key":"YQ=="}' })
    expect([response.status, await response.text()]).toEqual([404, '404 page not found\n'])
  }
  const { status } = await fetch(`${server.url}/health`)
  expect(status).toBe(200)
  const client = new GrpcClient(server.url)
  const { members } = await client.call('/etcdserverpb.Cluster/MemberList', {})
  expect(members).toMatchObject([{ peerURLs: ['http://10.0.0.1:2380'] }])
  client.close()
  await server.stop()
})

describe('a server that stops', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '[CLI15] ends with code 0 on %s and leaves nothing running',
    async (signal) => {
      const server = await startServer({ dataDir: directory })
      process.kill(server.pid, signal)
      await server.stop()
      expect(isRunning(-server.pid)).toBe(false)
    },
  )

  it('[CLI15] ends while a client keeps its connection', async () => {
    const server = await startServer({ dataDir: directory })
    const response = await fetch(`${server.url}/livez`, { headers: { connection: 'keep-alive' } })
    await response.text()
    await server.stop()
  })

  it.each(['stop', 'kill9'] as const)(
    '[CLI15] lets the next one have its port and its data after %s',
    async (end) => {
      const first = await startServer({ dataDir: directory })
      const put = await post(`${first.url}/v3/kv/put`, { key: 'YQ==', value: 'Yg==' })
      expect(put).toMatchObject({ header: { revision: '2' } })
      await first[end]()
      const second = await startServer({ dataDir: directory, port: first.port })
      const range = await post(`${second.url}/v3/kv/range`, { key: 'YQ==' })
      expect(range).toMatchObject({ header: { revision: '2' }, kvs: [{ value: 'Yg==' }] })
      await second.stop()
    },
  )
})

describe('a server that cannot start', () => {
  it('[CLI17] names a taken port', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const expected = { code: 1, line: `cannot listen on 127.0.0.1:${port}: address already in use` }
    const url = `http://127.0.0.1:${port}`
    const dataDir = `--data-dir=${directory}`
    expect(await refusal([`--listen-client-urls=${url}`, dataDir])).toEqual(expected)
    expect(await refusal([dataDir], { ETCD_LISTEN_CLIENT_URLS: url })).toEqual(expected)
    taken.close()
  })

  it('[CLI17] names an address of another machine', async () => {
    // 192.0.2.0/24 is for documentation: no machine has it.
    const url = '--listen-client-urls=http://192.0.2.1:2379'
    expect(await refusal([url, `--data-dir=${directory}`, '--allow-insecure'])).toEqual({
      code: 1,
      line: 'cannot listen on 192.0.2.1:2379: no such address on this machine',
    })
  })

  it('[CLI18] names a file where the data directory should be', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    for (const path of [file, join(file, 'below')]) {
      expect(await refusal([anyPort, `--data-dir=${path}`])).toEqual({
        code: 1,
        line: `cannot write to data directory "${path}": not a directory`,
      })
    }
  })

  it('[CLI18] names a data directory that it may not write to', async (context) => {
    if (process.getuid?.() === 0) {
      context.skip('root may write anywhere')
    }
    const path = join(directory, 'read-only')
    await mkdir(path)
    await chmod(path, 0o500)
    expect(await refusal([anyPort, `--data-dir=${path}`])).toEqual({
      code: 1,
      line: `cannot write to data directory "${path}": permission denied`,
    })
  })

  it('[CLI18] names a data directory that the kernel refuses, even to root', async (context) => {
    if (process.platform !== 'linux') {
      context.skip('only Linux has /proc')
    }
    const { code, line } = await refusal([anyPort, '--data-dir=/proc/etcdurable'])
    expect(code).toBe(1)
    expect(line).toMatch(/^cannot write to data directory "\/proc\/etcdurable": /)
  })

  it('[CLI19] names a data directory that another server has', async () => {
    const server = await startServer({ dataDir: directory })
    expect(await refusal([anyPort, `--data-dir=${directory}`])).toEqual({
      code: 1,
      line: `data directory "${directory}" is in use by another server`,
    })
    await server.stop()
  })
})
