import type { Dirent } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isKeyPart } from '../object-store/object-checks.ts'
import { codeOf } from './file-problem.ts'

/** How the names of files begin that are not yet an object; no key has such a character. */
export const TEMPORARY = '~tmp-'

/** One that is older was left by a process that is no more. */
const TEMPORARY_MS_MAX = 60 * 60 * 1000

interface Asked {
  readonly prefix: string
  readonly after: string
}

/**
 * The keys that begin with `prefix` and are behind `after`, in the order of their bytes. Of the tree the
 * names of one folder are in memory, and of those above it. What has no name of ours is passed over.
 */
export function keysBehind(root: string, asked: Asked): AsyncGenerator<string> {
  return walk(root, asked.prefix.slice(0, asked.prefix.lastIndexOf('/') + 1), asked)
}

/** `folder` is the root, or ends with a slash. */
async function* walk(root: string, folder: string, asked: Asked): AsyncGenerator<string> {
  const { prefix, after } = asked
  for (const name of await namesIn(join(root, folder))) {
    const key = `${folder}${name}`
    if (!name.endsWith('/')) {
      if (key.startsWith(prefix) && key > after) {
        yield key
      }
    } else if (
      (key.startsWith(prefix) || prefix.startsWith(key)) &&
      (key > after || after.startsWith(key))
    ) {
      yield* walk(root, key, asked)
    }
  }
}

/** A folder's name ends with a slash, by which its keys come behind those of a file `name-` or `name.`. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith(TEMPORARY)) {
      await removeLeftOver(join(folder, entry.name))
    } else if (isKeyPart(entry.name) && (entry.isFile() || entry.isDirectory())) {
      names.push(entry.isFile() ? entry.name : `${entry.name}/`)
    }
  }
  return names.toSorted()
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
      return []
    }
    throw error
  }
}

async function removeLeftOver(path: string): Promise<void> {
  const { mtimeMs } = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      return { mtimeMs: Infinity }
    }
    throw error
  })
  if (Date.now() - mtimeMs > TEMPORARY_MS_MAX) {
    await rm(path, { force: true })
  }
}
