import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { Failure, systemErrorCode } from './failure.ts'

/** The names that a file gives them, and those of the variables that say the same. */
const names: ReadonlyMap<string, string> = new Map([
  ['aws_access_key_id', 'AWS_ACCESS_KEY_ID'],
  ['aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY'],
  ['aws_session_token', 'AWS_SESSION_TOKEN'],
])

/**
 * The credentials of a bucket from a file as AWS's own tools keep it (~/.aws/credentials), by the names of
 * the variables that hold the same: those of the profile `default`, or what stands before any profile.
 * Throws Failure, which repeats nothing of the file.
 */
export function readS3Credentials(path: string): Readonly<Record<string, string | undefined>> {
  const found = new Map<string, string>()
  let profile = 'default'
  for (const line of readText(path).split(/\r?\n/)) {
    const [, section] = /^\s*\[\s*(.*?)\s*\]\s*$/.exec(line) ?? []
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(\S*)\s*$/.exec(line) ?? []
    const variable = names.get(name)
    if (section !== undefined) {
      profile = section
    } else if (profile === 'default' && variable !== undefined) {
      found.set(variable, value)
    }
  }
  for (const [name, variable] of names) {
    if (variable !== 'AWS_SESSION_TOKEN' && (found.get(variable) ?? '') === '') {
      throw new Failure(`${path} holds no ${name} of the profile default`)
    }
  }
  return Object.fromEntries(found)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) !== undefined && error instanceof Error && 'errno' in error) {
      throw new Failure(`cannot read ${path}: ${getSystemErrorMessage(Number(error.errno))}`)
    }
    throw error
  }
}
