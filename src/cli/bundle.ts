import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Failure, systemErrorCode } from './failure.ts'

/** The repository, which holds what the Worker is made of. */
const root = join(import.meta.dirname, '..', '..')

/** Everything that the bundle depends on, relative to the repository. */
const inputs = ['src', 'migrations', 'wrangler.toml', 'tsconfig.json', 'package-lock.json']

/** A bundle of other sources may be in use by a start that runs beside, but not for this long. */
const staleMs = 10 * 60 * 1000

/**
 * Absolute paths of the Worker's modules by name, the entry first. It is the bundle that `wrangler
 * deploy` would upload, built again only when one of its inputs changed.
 */
export async function buildBundle(): Promise<ReadonlyMap<string, string>> {
  const name = `worker-${await hashInputs()}`
  const bundle = join(root, 'dist', name)
  if (!existsSync(bundle)) {
    await runWrangler(bundle)
    await removeStale(name)
  }
  const files = (await readdir(bundle)).filter((file) => /\.(js|sql)$/.test(file))
  const entryFirst = files.toSorted((a, b) => Number(b === 'worker.js') - Number(a === 'worker.js'))
  return new Map(entryFirst.map((file) => [file, join(bundle, file)]))
}

async function hashInputs(): Promise<string> {
  const hash = createHash('sha256')
  for (const input of inputs) {
    for (const file of await listFiles(input)) {
      hash.update(`${file}\0`).update(await readFile(join(root, file)))
    }
  }
  return hash.digest('hex').slice(0, 16)
}

/** What runs in Node is no part of the Worker. */
const outside: ReadonlySet<string> = new Set(
  ['cli', 'grpc', 'h2', 'host', 'json', 'link', 'object-directory', 'peer', 'port'].map((room) =>
    join('src', room),
  ),
)

/** The files at or below a path, sorted. */
async function listFiles(path: string): Promise<readonly string[]> {
  if (outside.has(path)) {
    return []
  }
  if (!(await stat(join(root, path))).isDirectory()) {
    return [path]
  }
  const names = await readdir(join(root, path))
  const below = await Promise.all(names.toSorted().map((name) => listFiles(join(path, name))))
  return below.flat()
}

/** Builds beside the target and renames: a bundle is whole or absent, whoever else builds it. */
async function runWrangler(bundle: string): Promise<void> {
  await mkdir(join(root, 'dist'), { recursive: true })
  const unfinished = await mkdtemp(join(root, 'dist', 'unfinished-'))
  const wrangler = createRequire(import.meta.url).resolve('wrangler/package.json')
  const child = spawn(
    process.execPath,
    [join(wrangler, '..', 'bin', 'wrangler.js'), 'deploy', '--dry-run', '--outdir', unfinished],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    await rm(unfinished, { recursive: true })
    throw new Failure(`cannot build the Worker:\n${stripVTControlCharacters(output)}`)
  }
  try {
    // Whoever owns the source builds it, and another user may run it.
    await chmod(unfinished, 0o755)
    await rename(unfinished, bundle)
  } catch (error) {
    await rm(unfinished, { recursive: true })
    // Another start built the same bundle in the meantime.
    if (systemErrorCode(error) !== 'ENOTEMPTY' && systemErrorCode(error) !== 'EEXIST') {
      throw error
    }
  }
}

async function removeStale(current: string): Promise<void> {
  for (const name of await readdir(join(root, 'dist'))) {
    const path = join(root, 'dist', name)
    const isBundle = name.startsWith('worker-') || name.startsWith('unfinished-')
    if (isBundle && name !== current && Date.now() - (await stat(path)).mtimeMs > staleMs) {
      await rm(path, { recursive: true, force: true })
    }
  }
}
