import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { complaintOf, runCommand } from '../e2e/command.ts'
import { type Server, startServer } from '../e2e/server.ts'

/** Of the log the line that tells of the store, once it is there. */
async function toldOf(server: Server): Promise<Readonly<Record<string, string>>> {
  for (;;) {
    const line = server.log().match(/^.*"msg":"snapshot store .*$/m)?.[0]
    if (line !== undefined) {
      return JSON.parse(line) as Record<string, string>
    }
    await sleep(10)
  }
}

async function serve(flags: readonly string[], env = {}): Promise<Server> {
  const server = await startServer({ flags, env })
  onTestFinished(() => server.stop())
  return server
}

it('[SNF4] a server says that its directory is ready, and keeps nothing there while idle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-serve-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const backups = join(folder, 'made', 'here')
  const server = await serve([`--snapshot-store=file://${backups}`])
  const told = await toldOf(server)
  expect([told['level'], told['msg']]).toEqual(['info', 'snapshot store is ready'])
  expect(told['store']).toBe(`file://${backups}`)
  expect((await readdir(backups)).filter((name) => !name.startsWith('~'))).toEqual([])
})

it('[SNF4] a server whose bucket nobody reaches serves all the same, and says so', async () => {
  const flags = ['--snapshot-store=s3://bucket', '--snapshot-store-endpoint=http://127.0.0.1:9']
  const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'hidden-word' }
  for (const runtime of ['host', 'workerd']) {
    const server = await serve([...flags, `--runtime=${runtime}`], env)
    const told = await toldOf(server)
    expect([told['level'], told['msg']]).toEqual(['warn', 'snapshot store cannot be reached'])
    expect(told['problem']).toMatch(/^s3:\/\/bucket\/ at http:\/\/127\.0\.0\.1:9: put probes\/.*: /)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    expect(server.log()).not.toMatch(/hidden-word/)
  }
})

it('[SNF3] a wrong store ends the start with one line, and no data directory is made', async () => {
  const dataDir = join(tmpdir(), `etcdurable-never-${process.pid}`)
  const args = [`--data-dir=${dataDir}`, '--snapshot-store=s3://id:hidden-word@bucket']
  const { code, stdout, stderr } = await runCommand(args)
  expect([code, stdout]).toEqual([1, ''])
  expect(complaintOf(stderr)).toBe('--snapshot-store must have no user, query or fragment')
  expect(existsSync(dataDir)).toBe(false)
})
