import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { Failure, systemErrorCode } from './failure.ts'

/** What the file holds, without the line's end; undefined where no file is named. Throws Failure. */
export function readToken(path: string): string | undefined {
  if (path === '') {
    return undefined
  }
  let token: string
  try {
    token = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (systemErrorCode(error) !== undefined && error instanceof Error && 'errno' in error) {
      throw new Failure(`cannot read ${path}: ${getSystemErrorMessage(Number(error.errno))}`)
    }
    throw error
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure(`${path} holds no token: it must be one line of printable characters`)
  }
  return token
}
