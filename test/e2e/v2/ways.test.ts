// The recorded transcripts by other ways than plain HTTP to the default keyspace.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type Outcome, runCommand } from '../command.ts'
import { etcdctlMissing } from '../etcdctl.ts'
import { send } from '../http.ts'
import { type Server, startBridge, startServer } from '../server.ts'
import { ask } from './ask.ts'
import { EtcdctlV2 } from './etcdctl.ts'
import { keySteps } from './key-steps.ts'
import { serviceSteps } from './service-steps.ts'
import { timeSteps } from './time-steps.ts'
import { Transcript } from './transcript.ts'

const steps = { ...keySteps, ...timeSteps, ...serviceSteps }

async function start(flags: readonly string[], enabled = ['--enable-v2']): Promise<Server> {
  const server = await startServer({ flags: [...enabled, ...flags] })
  onTestFinished(() => server.stop())
  return server
}

async function expectRecorded(url: string, name: string): Promise<void> {
  const transcript = await Transcript.of(url)
  await transcript.take(steps[name] ?? [])
  const file = join(import.meta.dirname, '..', '..', 'golden', 'v2', `${name}.jsonl`)
  expect(transcript.text).toBe(await readFile(file, 'utf8'))
}

it.each(['set-get-delete', 'keys', 'stream', 'auth-enabled'])(
  '[V2A1] answers as recorded over TLS: %s',
  async (name) => {
    const { url } = await start(['--auto-tls', '--listen-client-urls=https://127.0.0.1:0'])
    await expectRecorded(url, name)
  },
)

it.each(['set-get-delete', 'values', 'wait', 'auth-users', 'stats'])(
  '[V2A5] another keyspace has a v2 API of its own: %s',
  async (name) => {
    const { url } = await start([])
    await ask(url, { method: 'PUT', path: '/v2/keys/a?value=elsewhere' })
    const made = await send(url, { path: '/keyspaces', body: '{"name":"other"}' })
    expect(made.status, made.body).toBe(201)
    await expectRecorded(`${url}/keyspaces/other`, name)
  },
)

it('[V2A5] etcdctl 2 stays in the keyspace whose URL it is given', async ({ skip }) => {
  const missing = await etcdctlMissing()
  skip(missing !== undefined, missing)
  const { url } = await start([])
  await send(url, { path: '/keyspaces', body: '{"name":"other"}' })
  const other = await EtcdctlV2.of(`${url}/keyspaces/other`)
  await other.runAll('set /a here')
  const plain = await EtcdctlV2.of(url)
  await plain.runAll('get /a')
  await other.runAll('get /a\ncluster-health')
  expect(plain.transcript).toContain('Key not found')
  expect(other.transcript).toContain('$ etcdctl get /a\nhere\n')
  expect(other.transcript).toContain('cluster is healthy')
  const { body } = await ask(url, { method: 'GET', path: '/keyspaces/other/v2/machines' })
  expect(body).toBe(`${url}/keyspaces/other`)
})

async function set(url: string): Promise<number> {
  return (await ask(url, { method: 'PUT', path: '/v2/keys/a?value=1' })).status
}

/** For what has been already, if anything has. */
async function wait(url: string): Promise<number> {
  return (await ask(url, { method: 'GET', path: '/v2/keys/a?wait=true&waitIndex=1' })).status
}

it('[CLI45][V2K19][V2K35] comes and goes at the port and at a bridge while both run', async () => {
  const { url } = await start([], [])
  const run = (...args: readonly string[]): Promise<Outcome> =>
    runCommand(['keyspace', ...args, `--endpoint=${url}`])
  expect((await run('create', 'blue')).code).toBe(0)
  const bridge = await startBridge({ upstream: url, flags: ['--keyspace=blue'] })
  onTestFinished(() => bridge.stop())
  const everywhere = async (): Promise<readonly number[]> => [
    await set(`${url}/keyspaces/blue`),
    await wait(`${url}/keyspaces/blue`),
    await set(bridge.url),
    await wait(bridge.url),
    await set(url),
  ]
  expect(await everywhere()).toEqual([404, 404, 404, 404, 404])
  expect(await run('update', 'blue', '--enable-v2')).toEqual({
    code: 0,
    stdout: 'Keyspace blue updated\n',
    stderr: '',
  })
  expect((await run('describe', 'blue')).stdout).toMatch(/enableV2: +true\n/)
  expect(await everywhere()).toEqual([201, 200, 200, 200, 404])
  await run('update', 'blue', '--enable-v2=false')
  await run('update', 'default', '--enable-v2')
  expect(await everywhere()).toEqual([404, 404, 404, 404, 201])
  expect((await run('update', '-w', 'json', 'default', '--enable-v2=default')).stdout).toBe(
    '{"name":"default","state":"ready"}\n',
  )
  expect(await everywhere()).toEqual([404, 404, 404, 404, 404])
  expect((await run('create', 'green', '--enable-v2')).code).toBe(0)
  expect(await set(`${url}/keyspaces/green`)).toBe(201)
  expect(await run('update', 'blue')).toMatchObject({ code: 2 })
  expect(await run('update', 'blue', '--enable-v2=maybe')).toMatchObject({ code: 2 })
})
