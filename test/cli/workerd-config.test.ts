import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { workerdConfig } from '../../src/cli/workerd-config.ts'

it('[CLI12] the configuration says of the Worker what wrangler.toml says', async () => {
  const wrangler = await readFile(join(import.meta.dirname, '..', '..', 'wrangler.toml'), 'utf8')
  const config = workerdConfig({
    directory: '/nowhere',
    storage: '/nowhere',
    addresses: [],
    modules: new Map(),
    variables: new Map(),
  })
  const date = /^compatibility_date = (.*)$/m.exec(wrangler)?.[1]
  expect(config).toContain(`compatibilityDate = ${date},`)
  const bindings = [...wrangler.matchAll(/^name = "([A-Z_]+)"\nclass_name = (.*)$/gm)]
  expect(bindings.map(([, name]) => name)).toEqual([
    'SHARD',
    'DIRECTORY',
    'REPLICA',
    'LAB',
    'LAB_CLIENT',
  ])
  const lists = [...wrangler.matchAll(/^new_sqlite_classes = \[(.*)\]$/gm)]
  const classes = lists.flatMap(([, list]) => list?.split(', '))
  for (const [, name, className] of bindings) {
    expect(config).toContain(`(name = "${name}", durableObjectNamespace = ${className})`)
    expect(classes).toContain(className)
  }
})

it('[SNF1] workerd lets the Worker out to private addresses where a bucket may be at one, and only then', () => {
  const options = {
    directory: '/nowhere',
    storage: '/nowhere',
    addresses: [],
    modules: new Map<string, string>(),
    variables: new Map<string, string>(),
  }
  expect(workerdConfig(options)).not.toContain('private')
  expect(workerdConfig({ ...options, network: true })).toContain('allow = ["public", "private"]')
})
