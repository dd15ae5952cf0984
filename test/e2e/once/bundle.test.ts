import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { expect, it } from 'vitest'
import { buildBundle } from '../../../src/cli/bundle.ts'

it('[CLI20] the bundle is built once for the same sources, however many ask for it', async () => {
  const [first, second] = await Promise.all([buildBundle(), buildBundle()])
  expect([...second]).toEqual([...first])
  const changes = await changeTimes(first)
  expect(await changeTimes(await buildBundle())).toEqual(changes)
})

it('[CLI20] the bundle has the entry first and each migration as text', async () => {
  const modules = await buildBundle()
  const [entry, ...texts] = modules.keys()
  expect(entry).toBe('worker.js')
  expect(texts.length).toBeGreaterThan(0)
  for (const [name, path] of modules) {
    expect(basename(path)).toBe(name)
  }
  for (const name of texts) {
    expect(name).toMatch(/\d{4}_[a-z0-9_]+\.sql$/)
  }
})

async function changeTimes(modules: ReadonlyMap<string, string>): Promise<readonly number[]> {
  return Promise.all([...modules.values()].map(async (path) => (await stat(path)).ctimeMs))
}
