import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Failure } from '../../../src/cli/failure.ts'
import { Log } from '../../../src/cli/log.ts'
import { workerdConfig } from '../../../src/cli/workerd-config.ts'
import { Workerd } from '../../../src/cli/workerd.ts'

const probe = `
import { DurableObject } from 'cloudflare:workers'
import schema from './schema.sql'
export class Directory extends DurableObject {}
export class EdgeClient extends DurableObject {}
export class EdgeLab extends DurableObject {}
export class Replica extends DurableObject {}
export class Shard extends DurableObject {
  increment() {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS counts (n INTEGER)')
    this.ctx.storage.sql.exec('INSERT INTO counts VALUES (1)')
    return this.ctx.storage.sql.exec('SELECT count(*) AS n FROM counts').one().n
  }
}
export default {
  async fetch(request, { SHARD, DIRECTORY, REPLICA, LAB, LAB_CLIENT, ...variables }) {
    return Response.json({ variables, schema, n: await SHARD.getByName('x').increment() })
  }
}`

const log = new Log({ 'log-level': 'fatal', 'log-format': 'json', 'log-outputs': ['default'] })
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-workerd-'))
  await mkdir(join(directory, 'storage'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function start(script: string, variables: ReadonlyMap<string, string>): Promise<Workerd> {
  await writeFile(join(directory, 'worker.js'), script)
  await writeFile(join(directory, 'schema.sql'), 'SELECT "ä"')
  const config = workerdConfig({
    directory,
    storage: join(directory, 'storage'),
    addresses: ['127.0.0.1:0', '127.0.0.1:0'],
    secureAddresses: ['127.0.0.1:0'],
    modules: new Map(['worker.js', 'schema.sql'].map((name) => [name, join(directory, name)])),
    variables,
  })
  await writeFile(join(directory, 'workerd.capnp'), config)
  return new Workerd(join(directory, 'workerd.capnp'), log)
}

it('[CLI11] workerd gets variables, texts and sockets as they are, and keeps its storage', async () => {
  const variables = new Map([
    ['PLAIN', 'a'],
    ['EMPTY', ''],
    ['ODD', 'quote " backslash \\ newline \n tab \t nul-like \u0001 ä 🙂 ${x} \\x41'],
  ])
  for (const runs of [1, 2]) {
    const workerd = await start(probe, variables)
    const ports = await workerd.listening(3)
    const counts = []
    for (const port of ports) {
      const response = await fetch(`http://127.0.0.1:${port}/`)
      const { n, ...rest } = (await response.json()) as { n: number }
      expect(rest).toEqual({ variables: Object.fromEntries(variables), schema: 'SELECT "ä"' })
      counts.push(n)
    }
    await workerd.stop()
    expect(await workerd.exited).toBe('exited with code 0')
    expect(counts).toEqual([3 * runs - 2, 3 * runs - 1, 3 * runs])
  }
})

it('[CLI22] the Worker is told whether a client came over TLS, whatever the client says', async () => {
  const script = `
    export class Shard {}
    export class Directory {}
    export class EdgeClient {}
    export class EdgeLab {}
    export class Replica {}
    export default { fetch: (request) => new Response(request.headers.get('X-Forwarded-Proto')) }`
  const workerd = await start(script, new Map())
  const [plain, , secure] = await workerd.listening(3)
  for (const headers of [{}, { 'X-Forwarded-Proto': 'https' }, { 'x-forwarded-proto': 'http' }]) {
    const overPlain = await fetch(`http://127.0.0.1:${plain}/`, { headers })
    expect(await overPlain.text()).toBe('')
    const overTls = await fetch(`http://127.0.0.1:${secure}/`, { headers })
    expect(await overTls.text()).toBe('https')
  }
  await workerd.stop()
})

it('[CLI11] a Worker that does not load is told of', async () => {
  const workerd = await start('throw new Error("no such luck")', new Map())
  const failed = workerd.listening(3)
  await expect(failed).rejects.toThrow(Failure)
  await expect(failed).rejects.toThrow(/^workerd exited with code 1 before it was ready: /)
})
