// What is true of a server whose objects are in a process of their own.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { WatchCreateRequest } from '../../../src/protocol/generated/messages.ts'
import { create } from '../../../src/protocol/message-type.ts'
import { complaintOf, runCommand } from '../command.ts'
import { GrpcClient } from '../grpc-client.ts'
import { base64, call } from '../http.ts'
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
  onTestFinished(() => server.kill9())
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

/** Of all the workerds that there have been, the last first. */
function workerdPids({ log }: Server): readonly number[] {
  return [...log().matchAll(/"workerd started","pid":(\d+)/g)]
    .map(([, pid]) => Number(pid))
    .toReversed()
}

/** What is asked between two workerds may be refused, but not for long. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await sleep(20)
    }
  }
}

const startedAgain = 'workerd was ended by SIGKILL; it is started again'

it('[WKD2] a workerd that is killed is started again, and clients notice a delay', async () => {
  const server = await start()
  const client = new GrpcClient(server.url)
  const [key, value] = [Buffer.from('k'), Buffer.from('v')]
  const watch = client.stream('/etcdserverpb.Watch/Watch')
  watch.send({ createRequest: create(WatchCreateRequest, { key }) })
  expect(await watch.next()).toMatchObject({ created: true })
  for (const kills of [1, 2]) {
    await client.call('/etcdserverpb.KV/Put', { key, value })
    expect(await watch.next()).toMatchObject({ events: [{ kv: { version: kills } }] })
    process.kill(workerdPids(server)[0] ?? 0, 'SIGKILL')
    const [json, { kvs }] = await Promise.all([
      untilAnswered(() => call(server.url, '/v3/kv/range', { key: base64('k') })),
      untilAnswered(() => client.call('/etcdserverpb.KV/Range', { key })),
    ])
    expect(json).toMatchObject({ kvs: [{ version: String(kills) }] })
    expect(kvs).toMatchObject([{ version: kills }])
    expect(server.log().split(startedAgain).length - 1).toBe(kills)
  }
  client.close()
  await server.stop()
  expect(server.log()).not.toContain('"level":"fatal"')
})

it('[WKD3] a workerd that ends again and again ends the command', async () => {
  const server = await start()
  const ended = server.ended()
  let killed = 0
  while ((await Promise.race([ended, sleep(5, 'still there')])) === 'still there') {
    const pids = workerdPids(server)
    if (pids.length > killed) {
      killed = pids.length
      process.kill(pids[0] ?? 0, 'SIGKILL')
    }
  }
  expect(await ended).toBe(1)
  expect(killed).toBe(6)
  expect(server.log()).toMatch(
    /"level":"fatal".*"msg":"workerd was ended by SIGKILL, for the 6th time in a row"/,
  )
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
