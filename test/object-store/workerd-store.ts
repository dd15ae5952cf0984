// The store of a Worker in a real workerd, as the embedded start configures it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { workerdConfig } from '../../src/cli/workerd-config.ts'
import { storeBehind, type WorkerStore } from './worker-store.ts'

const require = createRequire(import.meta.url)
// CommonJS, which vitest and Node import each in their way.
const workerd = require('workerd') as { readonly default: string }
const root = join(import.meta.dirname, '..', '..')

export interface Told {
  readonly variables: Readonly<Record<string, string>>
  /** A Unix socket that answers as HOST. */
  readonly host?: string
}

export async function startWorkerdStore({ variables, host }: Told): Promise<WorkerStore> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-workerd-store-'))
  const storage = join(directory, 'shard')
  mkdirSync(storage)
  const config = join(directory, 'workerd.capnp')
  const text = workerdConfig({
    directory,
    storage,
    addresses: ['127.0.0.1:0'],
    modules: await bundleInto(join(directory, 'bundle')),
    variables: new Map(Object.entries({ EMBEDDED: 'true', ...variables })),
    ...(host === undefined ? {} : { host: `unix:${host}` }),
    network: host === undefined,
  })
  await writeFile(config, text)
  const child = spawn(workerd.default, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  const closed = once(child, 'close')
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  const url = `http://127.0.0.1:${await portOf(child.stdio[3] as Readable)}`
  return {
    store: storeBehind(url),
    stop: async () => {
      child.kill('SIGKILL')
      await closed
      process.off('exit', killWithCaller)
      await rm(directory, { recursive: true })
    },
  }
}

/** Absolute paths by name, the entry first, of what `wrangler deploy` would upload. */
async function bundleInto(folder: string): Promise<ReadonlyMap<string, string>> {
  const wrangler = join(require.resolve('wrangler/package.json'), '..', 'bin', 'wrangler.js')
  const config = join(import.meta.dirname, 'worker', 'wrangler.toml')
  const args = ['deploy', '--dry-run', '--config', config, '--outdir', folder]
  const child = spawn(process.execPath, [wrangler, ...args], { cwd: root, stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    throw new Error(`wrangler exited with code ${code}`)
  }
  const files = (await readdir(folder)).filter((file) => /\.(js|sql)$/.test(file))
  const entry = 'store-worker.js'
  const entryFirst = files.toSorted((a, b) => Number(b === entry) - Number(a === entry))
  return new Map(entryFirst.map((file) => [file, join(folder, file)]))
}

/** workerd says on its control socket where it listens. */
async function portOf(control: Readable): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const said = JSON.parse(line) as { readonly event: string; readonly port?: number }
    if (said.event === 'listen' && said.port !== undefined) {
      return said.port
    }
  }
  throw new Error('workerd did not start')
}
