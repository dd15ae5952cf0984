import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Log } from '../../src/cli/log.ts'
import { workerdConfig } from '../../src/cli/workerd-config.ts'
import { Workerd } from '../../src/cli/workerd.ts'
import type { EngineJob } from './engine-job.ts'
import type { PermissionJob } from './permission-job.ts'

export interface EngineServer {
  /** Milliseconds from asking to the answer, hence with the commit. */
  run(job: EngineJob): Promise<number>
  /** The same for the users. */
  permission(job: PermissionJob): Promise<number>
  stop(): Promise<void>
}

/** Builds worker/engine-worker.ts and runs it in workerd just as the embedded start runs the product. */
export async function startEngine(): Promise<EngineServer> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-engine-'))
  const storage = join(directory, 'storage')
  const config = join(directory, 'workerd.capnp')
  await mkdir(storage)
  const addresses = ['127.0.0.1:0']
  const modules = await bundle(directory)
  const variables = new Map<string, string>()
  await writeFile(config, workerdConfig({ directory, storage, addresses, modules, variables }))
  const workerd = new Workerd(
    config,
    new Log({ 'log-level': 'warn', 'log-format': 'json', 'log-outputs': ['default'] }),
  )
  const [port] = await workerd.listening(addresses.length)
  return {
    run: (job) => timed(`http://127.0.0.1:${port}`, job, job.keys * job.times),
    permission: (job) => timed(`http://127.0.0.1:${port}/permission`, job, job.times),
    stop: async () => {
      await workerd.stop()
      await rm(directory, { recursive: true })
    },
  }
}

async function timed(url: string, job: object, expected: number): Promise<number> {
  const start = performance.now()
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(job) })
  const touched = await answer.text()
  const ms = performance.now() - start
  if (Number(touched) !== expected) {
    throw new Error(`the engine answered ${answer.status} ${touched} to ${JSON.stringify(job)}`)
  }
  return ms
}

/** The modules by name, the entry first. */
async function bundle(directory: string): Promise<ReadonlyMap<string, string>> {
  const outdir = join(directory, 'bundle')
  const config = join(directory, 'wrangler.json')
  const wrangler = createRequire(import.meta.url).resolve('wrangler/package.json')
  await writeFile(
    config,
    JSON.stringify({
      name: 'bench-engine',
      main: fileURLToPath(new URL('./worker/engine-worker.ts', import.meta.url)),
      compatibility_date: '2026-11-01',
      send_metrics: false,
      rules: [{ type: 'Text', globs: ['**/*.sql'], fallthrough: true }],
    }),
  )
  await promisify(execFile)(process.execPath, [
    join(wrangler, '..', 'bin', 'wrangler.js'),
    'deploy',
    '--dry-run',
    `--config=${config}`,
    `--outdir=${outdir}`,
  ])
  const files = (await readdir(outdir)).filter((file) => /\.(js|sql)$/.test(file))
  const entryFirst = files.toSorted((a, b) => Number(b.endsWith('.js')) - Number(a.endsWith('.js')))
  return new Map(entryFirst.map((file) => [file, join(outdir, file)]))
}
