import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const workers = new URL('cloudflare-workers.ts', import.meta.url).href

/** Lets Node load the Worker's modules as wrangler bundles them: the platform's own, and SQL as text. */
export function hookModules(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'cloudflare:workers'
        ? { url: workers, shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url.endsWith('.sql')
        ? {
            format: 'module',
            source: `export default ${JSON.stringify(readFileSync(fileURLToPath(url), 'utf8'))}`,
            shortCircuit: true,
          }
        : next(url, context),
  })
}
