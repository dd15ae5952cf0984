import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'

/** What the page is made of, by its path below `/lab/`. */
const files: Readonly<Record<string, string>> = {
  '': 'page/index.html',
  'lab.css': 'page/lab.css',
}
const modules = /^(?:page\/[a-z-]+|experiment|told)\.ts$/

export interface PageFile {
  readonly type: string
  readonly text: string
}

/** Modules lose their types here: the browser runs what is left, and nothing is built. */
export function pageFile(path: string): PageFile | undefined {
  if (modules.test(path)) {
    const text = textOf(path)
    return text === undefined
      ? undefined
      : { type: 'text/javascript; charset=utf-8', text: stripTypeScriptTypes(text) }
  }
  const file = Object.hasOwn(files, path) ? files[path] : undefined
  const text = file === undefined ? undefined : textOf(file)
  const type = path.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/html; charset=utf-8'
  return text === undefined ? undefined : { type, text }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(import.meta.dirname, path), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined
    }
    throw error
  }
}
