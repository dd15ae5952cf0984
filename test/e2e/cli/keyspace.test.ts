import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Outcome, runCommand } from '../command.ts'
import { type Server, startServer } from '../server.ts'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
})

const run = (...args: readonly string[]): Promise<Outcome> =>
  runCommand(['keyspace', ...args, `--endpoint=${server.url}`])

const refused = (code: number, reason: string): Outcome => ({
  code,
  stdout: '',
  stderr: `etcdurable: ${reason}\n`,
})

describe('the command keyspace', () => {
  it('[CLI40] creates, describes, lists and deletes', async () => {
    const created = await run('create', 'one', '--quota-backend-bytes', '1000000')
    expect(created).toEqual({ code: 0, stdout: 'Keyspace one created\n', stderr: '' })
    const described = await run('describe', 'one')
    expect(described.stdout).toMatch(
      /^name: +one\nstate: +ready\ncreated: +\d{4}-.*Z\nquotaBackendBytes: +1000000\n$/,
    )
    expect((await run('list')).stdout).toMatch(/^default +ready\none +ready +\d{4}-.*Z\n$/)
    expect((await run('delete', 'one')).stdout).toBe('Keyspace one deleted\n')
    expect((await run('list')).stdout).toBe('default  ready\n')
  })

  it('[CLI41] writes JSON with -w json', async () => {
    const options = ['--auto-compaction-mode=revision', '--auto-compaction-retention', '1000']
    const created = await run('create', '-w', 'json', 'two', ...options, '--location-hint', 'weur')
    const entry = JSON.parse(created.stdout) as unknown
    expect(entry).toMatchObject({
      name: 'two',
      state: 'ready',
      autoCompactionMode: 'revision',
      autoCompactionRetention: '1000',
      locationHint: 'weur',
    })
    expect(JSON.parse((await run('describe', 'two', '--write-out=json')).stdout)).toEqual(entry)
    expect(JSON.parse((await run('list', '-w=json')).stdout)).toEqual({
      keyspaces: [{ name: 'default', state: 'ready' }, entry],
    })
    expect((await run('-w', 'json', 'delete', 'two')).code).toBe(2)
    expect((await run('delete', '-w', 'json', 'two')).stdout).toBe('{"name":"two"}\n')
  })

  it('[CLI42] says in a line what is refused, and exits with 1', async () => {
    expect(await run('describe', 'none')).toEqual(refused(1, 'keyspace not found'))
    expect(await run('delete', 'none')).toEqual(refused(1, 'keyspace not found'))
    expect(await run('create', 'default')).toEqual(refused(1, 'keyspace already exists'))
    expect(await run('create', 'x', '--jurisdiction', 'mars')).toMatchObject({ code: 1 })
    const eu = await run('create', 'x', '--jurisdiction', 'eu')
    expect(eu.stderr).toContain('no keyspace can be made there: Jurisdiction')
  })

  it('[CLI42] says in a line what cannot be asked', async () => {
    const nowhere = await runCommand(['keyspace', 'list', '--endpoint', 'http://127.0.0.1:1'])
    expect(nowhere.code).toBe(1)
    expect(nowhere.stderr).toMatch(/^etcdurable: cannot reach http:\/\/127\.0\.0\.1:1: .+\n$/)
    const version = await runCommand(['keyspace', 'list', `--endpoint=${server.url}/version`])
    expect(version).toEqual(refused(1, `${server.url}/version answers HTTP 404`))
    const missing = await run('list', '--token-file', '/nowhere')
    expect(missing).toEqual(refused(1, 'cannot read /nowhere: no such file or directory'))
  })

  it('[CLI43] tells of its arguments with --help', async () => {
    const help = await runCommand(['keyspace', '--help'])
    expect(help.stdout).toContain('keyspace create NAME')
    expect(help.stdout).toContain("--write-out, -w 'simple'")
  })
})
