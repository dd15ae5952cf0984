import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { statusOfFile } from '../../../src/etcd-file/status.ts'
import { fileOf, goldenBytes } from '../../etcd-file/golden-files.ts'
import { runCommand } from '../command.ts'
import { base64, type JsonObject } from '../http.ts'
import { startServer } from '../server.ts'

const revisionOf = ({ header }: JsonObject): number =>
  Number((header as JsonObject | undefined)?.['revision'])

it('[RST11] a restore may raise the revision and mark all before it compacted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-bump-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const server = await startServer({
    flags: [`--snapshot-store=file://${folder}/store`, '--snapshot-lag=1s'],
  })
  onTestFinished(() => server.stop())
  const ask = async (keyspace: string, path: string, body: object): Promise<JsonObject> =>
    (await (
      await fetch(`${server.url}/keyspaces/${keyspace}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      })
    ).json()) as JsonObject
  const run = (...args: readonly string[]) => runCommand([...args, `--endpoint=${server.url}`])

  /** What is there of one that was restored with revision `last`. */
  const expectBumped = async (name: string, last: number, key: string): Promise<void> => {
    const range = await ask(name, 'kv/range', { key })
    expect([revisionOf(range), range['count']]).toEqual([last + 1000, '1'])
    for (const revision of [last, last + 999]) {
      expect(await ask(name, 'kv/range', { key, revision })).toMatchObject({
        message: 'etcdserver: mvcc: required revision has been compacted',
      })
    }
    const now = await ask(name, 'kv/range', { key, revision: last + 1000 })
    expect(now['kvs']).toEqual(range['kvs'])
    expect(revisionOf(await ask(name, 'kv/put', { key, value: key }))).toBe(last + 1001)
    const next = await ask(name, 'kv/range', { key, revision: last + 1000 })
    expect(next['kvs']).toEqual(range['kvs'])
  }

  const key = base64('key')
  for (const value of ['1', '2', '3']) {
    await ask('default', 'kv/put', { key, value: base64(value) })
  }
  await expect
    .poll(async () => (await run('snapshot', 'list', '--from=default', '-w=json')).stdout, {
      timeout: 30_000,
    })
    .toContain('"revision"')
  const bump = ['--bump-revision=1000', '--mark-compacted'] as const
  const made = await run('snapshot', 'restore', '--from=default', '--keyspace=raised', ...bump)
  expect(made.stderr + made.stdout).toContain('Keyspace raised restored')
  await expectBumped('raised', 4, key)

  const path = join(folder, 'etcd.db')
  const bytes = goldenBytes('3.7.1-saved')
  await writeFile(path, bytes)
  const file = await run('snapshot', 'restore', path, '--keyspace=of-file', ...bump)
  expect(file.stdout).toBe('Keyspace of-file restored\n')
  const { revision } = statusOfFile(fileOf(bytes))
  const sums = await fetch(`${server.url}/keyspaces/of-file/sums`)
  expect(await sums.json()).toMatchObject({ revision: revision + 1000 })

  const refused = {
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('both, or none') as string,
  }
  for (const one of bump) {
    expect(await run('snapshot', 'restore', path, '--keyspace=none', one)).toEqual(refused)
  }
})
