/**
 * Writes `generated/page.ts`, the page as a deployed Worker serves it: `node src/lab/generate-page.ts`. With `--check` it
 * writes nothing and fails when the file on disk is not what it would write.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pageFile } from './page-files.ts'

const folder = import.meta.dirname
const target = join(folder, 'generated', 'page.ts')

const modules = globSync('page/*.ts', { cwd: folder }).toSorted()
const names = ['', 'lab.css', 'experiment.ts', ...modules]

const entries = names.map((name) => {
  const file = pageFile(name)
  if (file === undefined) {
    throw new Error(`the page has no ${name}`)
  }
  // The types that were there leave spaces behind.
  const text = file.text.replaceAll(/[ \t]+$/gm, '').replaceAll(/\n{3,}/g, '\n\n')
  return `  ${JSON.stringify(name)}: ${JSON.stringify({ type: file.type, text })},\n`
})

const text = [
  '// Written by src/lab/generate-page.ts from src/lab/page. Do not edit.\n\n',
  "/** By their paths below `/lab/`; the empty one is the page's own. */\n",
  'export const page: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {\n',
  ...entries,
  '}\n',
].join('')

if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  process.stderr.write('src/lab/generated/page.ts is out of date: run npm run gen\n')
  process.exitCode = 1
}
