import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig, type Plugin, type TestProjectInlineConfiguration } from 'vitest/config'

const root = join(import.meta.dirname, '..')

/** In Node, as in wrangler, an imported SQL file is its text. */
const sqlText: Plugin = {
  name: 'sql-text',
  enforce: 'pre',
  load: (id) =>
    id.endsWith('.sql') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))}` : null,
}

/** Tests that run inside workerd. */
const inWorkerd = ['test/shard/**/*.test.ts', 'test/gateway/**/*.test.ts']

/**
 * Tests that start a process: a server of ours, a real etcd, or etcdctl. A file that does so stands in
 * test/e2e or is named so.
 */
const withProcesses = ['test/e2e/**/*.test.ts', 'test/**/*.e2e.test.ts']

/** What has nothing to do with the runtime of a server. */
const oneRuntime = ['test/e2e/once/**', 'test/{h2,grpc,object-store}/**']

// A hung test ends some day; nothing is said about speed.
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 }

// CommonJS packages look as they do in Node itself.
const inNode = { deps: { interopDefault: false }, ...timeouts }

/**
 * Pure rooms, and sockets between two ends in this process. Each project names its `groupOrder`:
 * where one worker runs all, vitest takes order 0 last.
 */
const unit: TestProjectInlineConfiguration = {
  root,
  plugins: [sqlText],
  test: {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: [...inWorkerd, ...withProcesses],
    // The rooms keep nothing in their modules: files share them.
    isolate: false,
    setupFiles: [join(import.meta.dirname, 'no-process.ts')],
    sequence: { groupOrder: 1 },
    ...inNode,
  },
}

/**
 * As wrangler.toml says, but that the bucket is not one that snapshots go to: where they do, an object has
 * alarms of which most tests know nothing.
 */
function configWithoutSnapshots(): string {
  const text = readFileSync(join(root, 'wrangler.toml'), 'utf8')
    .replace('main = "', `main = "${root}/`)
    .replace('binding = "SNAPSHOTS"', 'binding = "TEST_BUCKET"')
  const folder = join(root, 'node_modules', '.cache')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'wrangler-without-snapshots.toml')
  writeFileSync(path, text)
  return path
}

const testRuns = process.env['TEST_RUNS']

const workerd: TestProjectInlineConfiguration = {
  root,
  plugins: [
    cloudflareTest({
      wrangler: { configPath: configWithoutSnapshots() },
      // There, process.env is what the Worker is bound to.
      miniflare: { bindings: testRuns === undefined ? {} : { TEST_RUNS: testRuns } },
    }),
  ],
  test: {
    name: 'workerd',
    include: inWorkerd,
    isolate: false,
    setupFiles: [join(import.meta.dirname, 'shard', 'fresh-storage.ts')],
    sequence: { groupOrder: 2 },
    ...timeouts,
  },
}

interface EndToEnd {
  readonly name: string
  readonly exclude: readonly string[]
  readonly groupOrder: number
  readonly env: Readonly<Record<string, string>>
}

function endToEnd({ name, exclude, groupOrder, env }: EndToEnd): TestProjectInlineConfiguration {
  return {
    root,
    plugins: [sqlText],
    test: {
      name,
      include: withProcesses,
      exclude: [...exclude],
      globalSetup: [join(import.meta.dirname, 'e2e', 'build-bundle.ts')],
      // Hundreds of commands start, and with what V8 has compiled before they take a third of the time.
      env: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'test-commands'), ...env },
      maxWorkers: 2,
      // Tests that run at once mostly wait.
      maxConcurrency: 16,
      sequence: { groupOrder },
      ...inNode,
    },
  }
}

const e2e = endToEnd({ name: 'e2e', exclude: [], groupOrder: 3, env: {} })
const e2eWorkerd = endToEnd({
  name: 'e2e-workerd',
  exclude: oneRuntime,
  groupOrder: 4,
  env: { ETCDURABLE_RUNTIME: 'workerd' },
})
const bothRuntimes = process.env['E2E_WORKERD'] === '1'

export default defineConfig({
  root,
  test: {
    reporters: ['default', join(import.meta.dirname, 'closing-line.ts')],
    projects: [unit, workerd, e2e, ...(bothRuntimes ? [e2eWorkerd] : [])],
  },
})
