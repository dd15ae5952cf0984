// The recorded transcripts by other ways than plain HTTP to the default keyspace.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { etcdctlMissing } from '../etcdctl.ts'
import { send } from '../http.ts'
import { type Server, startServer } from '../server.ts'
import { ask } from './ask.ts'
import { EtcdctlV2 } from './etcdctl.ts'
import { keySteps } from './key-steps.ts'
import { serviceSteps } from './service-steps.ts'
import { timeSteps } from './time-steps.ts'
import { Transcript } from './transcript.ts'

const steps = { ...keySteps, ...timeSteps, ...serviceSteps }

async function start(flags: readonly string[]): Promise<Server> {
  const server = await startServer({ flags: ['--enable-v2', ...flags] })
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
