import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const folder = import.meta.dirname
const spec = readFileSync(join(folder, 'SPEC.md'), 'utf8')
const rules = [...spec.matchAll(/^- ([A-Z][A-Z\d]{2}\d+): \S/gm)].map(([, id = '']) => id)

/** A title is a string that begins with the ids of its rules. */
function quotedRules(): Map<string, string> {
  const quoted = new Map<string, string>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts')) {
      const source = readFileSync(join(folder, file), 'utf8')
      for (const [title] of source.matchAll(/['"`](?:\[[A-Z][A-Z\d]{2}\d+\] ?)+/g)) {
        title.match(/[A-Z][A-Z\d]{2}\d+/g)?.forEach((id) => quoted.set(id, file))
      }
    }
  }
  return quoted
}

const quoted = quotedRules()

it('every rule of SPEC.md is in the title of a test', () => {
  expect(rules.length).toBeGreaterThan(0)
  expect(rules.filter((id) => !quoted.has(id))).toEqual([])
})

it('every rule in the title of a test is one of SPEC.md', () => {
  const unknown = [...quoted].filter(([id]) => !rules.includes(id))
  expect(unknown).toEqual([])
})

it('no rule of SPEC.md has the id of another', () => {
  expect(rules.filter((id, place) => rules.indexOf(id) !== place)).toEqual([])
})
