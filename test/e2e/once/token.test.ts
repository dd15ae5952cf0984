import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, type Outcome } from '../command.ts'
import { type DeployedWorker, deployWorker } from '../deployed.ts'

let worker: DeployedWorker
let directory: string
let secretFile: string

beforeAll(async () => {
  worker = await deployWorker()
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-token-'))
  secretFile = join(directory, 'secret')
  await writeFile(secretFile, worker.token)
})

afterAll(async () => {
  await worker.remove()
  await rm(directory, { recursive: true })
})

const run = (...args: readonly string[]): Promise<Outcome> =>
  runCommand(['token', ...args, `--endpoint=${worker.url}`])

const asAdministrator = (...args: readonly string[]): Promise<Outcome> =>
  run(...args, `--token-file=${secretFile}`)

async function statusOf(token: string, path = '/v3/kv/range'): Promise<number> {
  const headers = { Authorization: `Bearer ${token.trim()}` }
  const init = path.startsWith('/v3') ? { method: 'POST', body: '{"key":"YQ=="}' } : {}
  return (await fetch(`${worker.url}${path}`, { headers, ...init })).status
}

describe('the command token', () => {
  it('[DOR18] makes a token, which alone it prints, lists and revokes it', async () => {
    const created = await asAdministrator('create', '--keyspace', 'default', '--read-only')
    expect(created).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^etcdurable_[\da-f]{16}_[\w-]{43}\n$/) as string,
      stderr: '',
    })
    expect(await statusOf(created.stdout)).toBe(200)
    expect(await statusOf(created.stdout, '/keyspaces')).toBe(403)
    const [, id = ''] = /^etcdurable_(\w{16})/.exec(created.stdout) ?? []
    const listed = await asAdministrator('list', '--keyspace=default')
    expect(listed.stdout).toMatch(
      new RegExp(`^${id}  read-only  \\d{4}-\\d\\d-\\d\\dT.*Z  never expires\\n$`),
    )
    expect(listed.stdout).not.toContain(created.stdout.trim().slice(-43))
    expect((await asAdministrator('revoke', id, '--keyspace=default')).stdout).toBe(
      `Token ${id} revoked\n`,
    )
    expect(await statusOf(created.stdout)).toBe(401)
    expect(await asAdministrator('revoke', id, '--keyspace=default')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'etcdurable: there is no access token of this id\n',
    })
  })

  it('[DOR18] makes administrators, who make others', async () => {
    const created = await asAdministrator('create', '--ttl=1h', '--description=of a test')
    expect(created.stdout).toMatch(/^etcdurable_admin_/)
    const file = join(directory, 'administrator')
    await writeFile(file, created.stdout)
    const listed = await run('list', `--token-file=${file}`, '-w', 'json')
    expect(JSON.parse(listed.stdout)).toMatchObject({
      tokens: [{ description: 'of a test', expires: expect.any(String) as string }],
    })
    const other = await run('create', `--token-file=${file}`)
    expect(await statusOf(other.stdout, '/keyspaces')).toBe(200)
    const [, id = ''] = /^etcdurable_admin_(\w{16})/.exec(created.stdout) ?? []
    expect((await asAdministrator('revoke', id)).code).toBe(0)
    expect(await run('list', `--token-file=${file}`)).toMatchObject({
      code: 1,
      stderr: 'etcdurable: the access token is unknown here, revoked or expired\n',
    })
    expect(await statusOf(other.stdout, '/keyspaces')).toBe(200)
  })

  it('[DOR18] says in a line what is wrong', async () => {
    const lines = await Promise.all([
      asAdministrator('create', '--read-only'),
      asAdministrator('create', '--ttl', '1ms'),
      asAdministrator('create', '--keyspace', 'Not'),
      asAdministrator('revoke', 'x'),
      asAdministrator('revoke'),
      asAdministrator('make'),
      run('list'),
    ])
    expect(lines.map(({ code, stderr }) => [code, stderr.trim().split('\n').length])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
      [2, 1],
      [2, 1],
      [2, 1],
      [1, 1],
    ])
  })
})
