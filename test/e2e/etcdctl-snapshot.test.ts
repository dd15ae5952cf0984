import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished, type TestContext } from 'vitest'
import { startEtcd } from '../oracle/etcd.ts'
import { enableAuth, login, read } from './auth-client.ts'
import { start } from './etcdctl-cases.ts'
import { base64, call, type JsonObject, isObject } from './http.ts'

const run = promisify(execFile)
const ALL = { key: base64('\0'), range_end: base64('\0') }
/** etcdctl restores for the etcd of its own line alone. */
const LINE = '3.4.'

/** Skips where no etcd of etcdctl's line is installed. */
async function requireEtcd({ skip }: TestContext): Promise<void> {
  try {
    const { stdout } = await run('etcd', ['--version'])
    if (!stdout.startsWith(`etcd Version: ${LINE}`)) {
      skip(`the etcd in PATH is not of ${LINE}`)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      skip('no etcd in PATH')
    }
    throw error
  }
}

/** Some history: overwritten, deleted, leased, compacted in part. Answers its first readable revision. */
async function fill(url: string): Promise<number> {
  const { ID = null } = await call(url, '/v3/lease/grant', { TTL: 1000, ID: '7' })
  for (let i = 0; i < 60; i++) {
    const key = base64(`k${i % 12}`)
    const value = Buffer.alloc(i % 7 === 0 ? 100_000 : 10 * i, i).toString('base64')
    await call(url, '/v3/kv/put', { key, value, ...(i % 5 === 0 && { lease: ID }) })
    if (i % 9 === 0) {
      await call(url, '/v3/kv/deleterange', { key })
    }
  }
  await call(url, '/v3/kv/compaction', { revision: '30', physical: true })
  return 30
}

/** Starts the installed etcd on what etcdctl makes of a file. */
async function restored(file: string, directory: string): Promise<string> {
  const dataDir = join(directory, 'restored')
  const peer = 'http://127.0.0.1:1'
  const member = [`--initial-cluster=default=${peer}`, `--initial-advertise-peer-urls=${peer}`]
  await run('etcdctl', ['snapshot', 'restore', file, `--data-dir=${dataDir}`, ...member])
  const etcd = await startEtcd({ binary: 'etcd', dataDir })
  if (etcd === undefined) {
    throw new Error('the etcd in PATH is gone')
  }
  onTestFinished(() => etcd.stop())
  return etcd.url
}

/** An answer without what names the server. */
async function answer(url: string, path: string, message: JsonObject): Promise<JsonObject> {
  const { header, ...rest } = await call(url, path, message)
  return { ...rest, revision: isObject(header) ? header['revision'] : undefined }
}

it('[SNP13] etcdctl saves a keyspace, and etcd serves the same from it', async (context) => {
  const { etcdctl, target } = await start(context)
  await requireEtcd(context)
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-snapshot-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const first = await fill(target.url)
  await enableAuth(target.url)
  const file = join(directory, 'saved.db')
  const user = ['--user', 'root:root']
  expect(await etcdctl.run([...user, 'snapshot', 'save', file])).toContain('Snapshot saved at')
  const { header } = await call(target.url, '/v3/auth/status', {})
  const revision = isObject(header) ? Number(header['revision']) : 0
  const status = JSON.parse(await etcdctl.run(['snapshot', 'status', file, '-w', 'json'])) as object
  expect(status).toMatchObject({ revision })

  const url = await restored(file, directory)
  for (const each of [url, target.url]) {
    const token = await login(each, 'alice')
    expect(await read(each, { Authorization: token })).toBe('OK')
    await run('etcdctl', [`--endpoints=${each}`, ...user, 'auth', 'disable'])
  }
  for (let at = first; at <= revision; at++) {
    const message = { ...ALL, revision: String(at) }
    expect(await answer(url, '/v3/kv/range', message)).toEqual(
      await answer(target.url, '/v3/kv/range', message),
    )
  }
  const lease = { ID: '7', keys: true }
  const { keys = [], grantedTTL } = await answer(url, '/v3/lease/timetolive', lease)
  const ours = await answer(target.url, '/v3/lease/timetolive', lease)
  expect({ grantedTTL, keys: new Set(keys as string[]) }).toEqual({
    grantedTTL: ours['grantedTTL'],
    keys: new Set(ours['keys'] as string[]),
  })
  const endpoints = `--endpoints=${url},${target.url}`
  const { stdout } = await run('etcdctl', [endpoints, 'endpoint', 'hashkv', '-w', 'json'])
  const [theirs, own] = (JSON.parse(stdout) as { HashKV: { hash: number } }[]).map(
    ({ HashKV }) => HashKV.hash,
  )
  expect(theirs).toBe(own)
})
