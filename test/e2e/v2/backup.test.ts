import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../../oracle/etcd.ts'
import { complaintOf, runCommand } from '../command.ts'
import { startServer } from '../server.ts'
import { ask } from './ask.ts'
import { PlainAnswers } from './plain-answers.ts'
import { parseRequest } from './written-request.ts'

/** More than the history holds. */
const manyChanges = 1010

const asked = [
  'GET /v2/keys?recursive=true&sorted=true',
  'GET /v2/keys/_h',
  'GET /v2/keys/d/x',
  'GET /v2/keys/d/x?wait=true&waitIndex=40',
  'GET /v2/keys/d?wait=true&recursive=true&waitIndex=1000',
  'GET /v2/keys/gone?wait=true&waitIndex=900',
  '[root:secret] GET /v2/auth/users',
  'GET /v2/auth/users',
  'PUT /v2/keys/d/new <value=1',
]

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'etcdurable-backup-'))
  onTestFinished(() => rm(made, { recursive: true }))
  return made
}

/** Without what the other server has of its own. */
async function answersOf(url: string): Promise<readonly object[]> {
  const plain = await PlainAnswers.of(url)
  const answers: object[] = []
  for (const line of asked) {
    const answer = plain.of(await ask(url, parseRequest(line)), line.includes('sorted'))
    answers.push({ line, status: answer.status, body: answer.body })
  }
  return answers
}

it('[V2A13] a backup is a directory that etcd 3.4 goes on with', async ({ skip }) => {
  const dataDir = await directory()
  const flags = ['--enable-v2']
  const server = await startServer({ dataDir, flags })
  const tell = (line: string): Promise<object> => ask(server.url, parseRequest(line))
  for (let change = 0; change < manyChanges; change++) {
    await tell(`PUT /v2/keys/d/x <value=${change} ä<&>`)
  }
  for (const line of [
    'PUT /v2/keys/_h <value=hidden',
    'PUT /v2/keys/t <value=1&ttl=1000',
    'PUT /v2/keys/t <refresh=true&ttl=500',
    'PUT /v2/keys/gone/x <value=1',
    'DELETE /v2/keys/gone?recursive=true',
    'PUT /v2/keys/empty?dir=true',
    'PUT /v2/auth/users/root <json {"user":"root","password":"secret"}',
    'PUT /v2/auth/enable',
  ]) {
    await tell(line)
  }
  const target = join(await directory(), 'backup')
  const args = ['backup', `--data-dir=${dataDir}`, `--backup-dir=${target}`]
  const early = await runCommand(args)
  expect(complaintOf(early.stderr)).toContain('is in use by another server')
  await server.stop()
  const { code, stderr } = await runCommand(args)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const again = await runCommand(args)
  expect(complaintOf(again.stderr)).toBe(`${join(target, 'member', 'wal')} is there already`)
  const etcd = await startEtcd({ dataDir: target, flags: [...flags, '--force-new-cluster'] })
  if (etcd === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => etcd.stop())
  skip(!etcd.version.startsWith('3.4.'), `etcd ${etcd.version} has no v2 API of 3.4`)
  const theirs = await answersOf(etcd.url)
  const restarted = await startServer({ dataDir, flags })
  onTestFinished(() => restarted.stop())
  const ours = await answersOf(restarted.url)
  const [made, ...others] = theirs.toReversed()
  const [, ...same] = ours.toReversed()
  expect(others).toEqual(same)
  // Its index is another one: a new etcd has counted its own member and version since.
  expect(made).toHaveProperty('status', 201)
})

it('[V2A15] with the keys of v3 too', async ({ skip }) => {
  const dataDir = await directory()
  const flags = ['--enable-v2']
  const server = await startServer({ dataDir, flags })
  const put = (url: string, key: string, lease = '0'): Promise<object> =>
    callV3(url, 'kv/put', { key: base64(key), value: base64(`of ${key}`), lease })
  await put(server.url, 'a')
  await put(server.url, 'b')
  await put(server.url, 'a')
  await callV3(server.url, 'kv/deleterange', { key: base64('b') })
  await callV3(server.url, 'lease/grant', { ID: '77', TTL: '1000' })
  await put(server.url, 'leased', '77')
  await callV3(server.url, 'auth/role/add', { name: 'reader' })
  await ask(server.url, parseRequest('PUT /v2/keys/x <value=2'))
  await server.stop()
  const target = join(await directory(), 'backup')
  const args = ['backup', `--data-dir=${dataDir}`, `--backup-dir=${target}`, '--with-v3']
  const { code, stderr } = await runCommand(args)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const etcd = await startEtcd({ dataDir: target, flags: [...flags, '--force-new-cluster'] })
  if (etcd === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => etcd.stop())
  skip(!etcd.version.startsWith('3.4.'), `etcd ${etcd.version} has no v2 API of 3.4`)
  const restarted = await startServer({ dataDir, flags })
  onTestFinished(() => restarted.stop())
  const all = { key: base64('\0'), range_end: base64('\0') }
  for (const [method, request] of [
    ['kv/range', all],
    ['kv/range', { ...all, revision: '3' }],
    ['lease/leases', {}],
    ['auth/role/list', {}],
  ] as const) {
    const { header: _, ...theirs } = await callV3(etcd.url, method, request)
    const { header: _own, ...ours } = await callV3(restarted.url, method, request)
    expect(theirs).toEqual(ours)
  }
  const { header } = await callV3(etcd.url, 'kv/put', { key: base64('c'), value: '' })
  expect(header).toMatchObject({ revision: '7' })
  expect(await ask(etcd.url, parseRequest('GET /v2/keys/x'))).toMatchObject({ status: 200 })
})

async function callV3(
  url: string,
  method: string,
  request: object,
): Promise<Readonly<Record<string, unknown>>> {
  const body = JSON.stringify(request)
  const response = await fetch(`${url}/v3/${method}`, { method: 'POST', body })
  expect(response.status).toBe(200)
  return (await response.json()) as Readonly<Record<string, unknown>>
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

it.each([
  [['--data-dir=/nowhere'], 'backup takes --data-dir DIRECTORY and --backup-dir DIRECTORY'],
  [['--data-dir=/nowhere', '--backup-dir=/nowhere'], 'there is no keyspace default in /nowhere'],
  [
    ['--data-dir=/nowhere', '--backup-dir=/nowhere', '--keyspace=A/b'],
    'A/b is no name of a keyspace',
  ],
])('[V2A14] backup %j is refused in one line', async (args, problem) => {
  const { code, stderr } = await runCommand(['backup', ...args])
  expect(complaintOf(stderr)).toBe(problem)
  expect(code).not.toBe(0)
})
