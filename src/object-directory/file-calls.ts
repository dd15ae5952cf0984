import { link, stat, unlink } from 'node:fs/promises'
import { codeOf } from './file-problem.ts'

// System calls some of whose errors are answers.

/** Gives a file that name if nobody has it: one system call, so one process does. */
export async function create(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      return false
    }
    throw error
  }
}

/** Whether there was such a file. */
export async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) {
      return false
    }
    throw error
  }
}

/** Whether anything has this name. */
export async function isThere(path: string): Promise<boolean> {
  return (await absent(stat(path))) !== undefined
}

/** A directory cannot have `a` beside `a/b`, as a bucket can; nobody writes such keys. */
export async function isFolder(path: string): Promise<boolean> {
  return (await absent(stat(path)))?.isDirectory() === true
}

/** Undefined where it is no file, or gone. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await absent(stat(path))
  return found?.isFile() === true ? found.size : undefined
}

/** Undefined where there is nothing of that name. */
export async function absent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
      return undefined
    }
    throw error
  }
}

/** Another may have made it just before. */
export async function present(made: Promise<unknown>): Promise<void> {
  try {
    await made
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      throw error
    }
  }
}
