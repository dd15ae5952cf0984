import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig, type Plugin } from 'vitest/config'

const root = join(import.meta.dirname, '..')

/** In Node, as in wrangler, an imported SQL file is its text. */
const sqlText: Plugin = {
  name: 'sql-text',
  enforce: 'pre',
  load: (id) =>
    id.endsWith('.sql') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))}` : null,
}

const workerdTests = ['test/shard/**/*.test.ts', 'test/gateway/**/*.test.ts']
const serverTests = ['h2', 'grpc', 'link', 'json', 'port', 'e2e'].map(
  (room) => `test/${room}/**/*.test.ts`,
)

/** `groupOrder` is explicit in each project: where one worker runs all, vitest takes order 0 last. */
const shared = {
  sequence: { groupOrder: 1 },
  // A hung test ends some day; nothing is said about speed.
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

export default defineConfig({
  root,
  test: {
    reporters: ['default', join(import.meta.dirname, 'closing-line.ts')],
    projects: [
      {
        root,
        plugins: [sqlText],
        test: {
          name: 'engine',
          include: ['test/**/*.test.ts'],
          exclude: [...workerdTests, ...serverTests],
          // CommonJS packages look as they do in Node itself.
          deps: { interopDefault: false },
          ...shared,
        },
      },
      {
        root,
        plugins: [cloudflareTest({ wrangler: { configPath: join(root, 'wrangler.toml') } })],
        test: {
          name: 'workerd',
          include: workerdTests,
          ...shared,
        },
      },
      {
        // Each file starts servers of its own: one at a time, after everything else.
        root,
        plugins: [sqlText],
        test: {
          name: 'e2e',
          include: serverTests,
          fileParallelism: false,
          ...shared,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
