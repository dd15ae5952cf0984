// What is true of a server whose objects are in a process of their own.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { complaintOf, runCommand } from '../command.ts'
import { type Server, startServer } from '../server.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-serve-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

interface WorkerdServer extends Server {
  readonly workerdPid: number
}

async function start(): Promise<WorkerdServer> {
  const server = await startServer({ dataDir: directory, flags: ['--runtime=workerd'] })
  const { workerdPid } = server
  if (workerdPid === undefined) {
    throw new Error('it has no workerd')
  }
  return { ...server, workerdPid }
}

it('[CLI15] the command ends with code 0 when Ctrl-C reaches workerd too', async () => {
  const server = await start()
  process.kill(-server.pid, 'SIGINT')
  await server.stop()
})

it('[CLI16] the command says so and fails when workerd dies', async () => {
  const server = await start()
  process.kill(server.workerdPid, 'SIGKILL')
  expect(await server.ended()).toBe(1)
  expect(server.log()).toMatch(/"level":"fatal".*"msg":"workerd was ended by SIGKILL"/)
})

it('[CLI19] the next start names a data directory that a workerd still has whose starter was killed', async () => {
  const server = await start()
  process.kill(server.pid, 'SIGKILL')
  try {
    const args = ['--listen-client-urls=http://127.0.0.1:0', `--data-dir=${directory}`]
    for (const runtime of ['host', 'workerd']) {
      const refused = await runCommand([...args, `--runtime=${runtime}`])
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      const complaint = `data directory "${directory}" is in use by another server`
      expect(complaintOf(refused.stderr)).toBe(complaint)
    }
  } finally {
    process.kill(server.workerdPid, 'SIGKILL')
  }
  const next = await start()
  await next.stop()
})

it('[DOR21] the secret is kept where others of the machine cannot read it', async () => {
  const secret = join(directory, 'secret')
  await writeFile(secret, 'a-secret-of-this-test\n')
  const server = await startServer({ flags: ['--runtime=workerd', `--token-file=${secret}`] })
  const { mode } = await stat(join(server.dataDir, 'workerd.capnp'))
  expect(mode & 0o777).toBe(0o600)
  await server.stop()
})
