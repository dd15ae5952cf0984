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
          exclude: ['test/shard/**', 'test/gateway/**', 'test/bridge/**', 'test/e2e/**'],
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
          include: ['test/shard/**/*.test.ts', 'test/gateway/**/*.test.ts'],
          ...shared,
        },
      },
      {
        // Each file starts servers of its own: one at a time, after everything else.
        root,
        plugins: [sqlText],
        test: {
          name: 'e2e',
          include: ['test/bridge/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          fileParallelism: false,
          ...shared,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
