import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { parse, YAMLParseError } from 'yaml'
import { Failure, systemErrorCode } from './failure.ts'
import type { FlagSpec, FlagTable } from './flag-table.ts'

export interface ConfigFile {
  /** The texts that one would have typed, by flag. */
  readonly values: ReadonlyMap<string, string>
  /** Keys that no flag has. etcd passes over them in silence. */
  readonly unknown: readonly string[]
}

const securitySection = 'client-transport-security'

/**
 * Reads etcd's configuration file (server/embed/config.go configFromFile): each flag's name is a key,
 * those of TLS stand below `client-transport-security`, and durations are nanoseconds. Throws Failure.
 */
export function readConfigFile(path: string, table: FlagTable): ConfigFile {
  const file = readObject(path)
  const security = file[securitySection] ?? {}
  if (!isObject(security)) {
    throw new Failure(`${path}: ${securitySection} must be a mapping`)
  }
  const values = new Map<string, string>()
  const unread = new Set([
    ...Object.keys(file).filter((key) => key !== securitySection),
    ...Object.keys(security).map((key) => `${securitySection}.${key}`),
  ])
  for (const [name, spec] of Object.entries(table)) {
    const key = spec.securityKey === undefined ? name : `${securitySection}.${spec.securityKey}`
    const value = spec.securityKey === undefined ? file[name] : security[spec.securityKey]
    unread.delete(key)
    // To Go, null leaves the default as it is.
    if (value !== undefined && value !== null) {
      values.set(name, asText(spec, value, `${path}: ${key}`))
    }
  }
  return { values, unknown: [...unread] }
}

function readObject(path: string): Readonly<Record<string, unknown>> {
  let content: unknown
  try {
    content = parse(readFileSync(path, 'utf8'), { uniqueKeys: false })
  } catch (error) {
    if (error instanceof YAMLParseError) {
      const [line] = error.message.split('\n')
      throw new Failure(`${path}: ${line?.replace(/:$/, '') ?? 'not YAML'}`)
    }
    if (error instanceof Error && systemErrorCode(error) !== undefined && 'errno' in error) {
      throw new Failure(`cannot read ${path}: ${getSystemErrorMessage(Number(error.errno))}`)
    }
    throw error
  }
  const object = content ?? {}
  if (!isObject(object)) {
    throw new Failure(`${path} must be a YAML mapping of flags to values`)
  }
  return object
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Go is strict about types: a number in quotes is none. */
function asText({ fileType }: FlagSpec, value: unknown, source: string): string {
  switch (fileType) {
    case 'boolean':
      if (typeof value === 'boolean') {
        return String(value)
      }
      throw new Failure(`${source} must be true or false`)
    case 'number':
      if (Number.isSafeInteger(value)) {
        return String(value)
      }
      throw new Failure(`${source} must be a whole number`)
    case 'nanoseconds':
      if (Number.isSafeInteger(value)) {
        return `${String(value)}ns`
      }
      throw new Failure(`${source} must be a whole number of nanoseconds`)
    case 'list':
    case 'words':
      if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
        return value.join(fileType === 'list' ? ',' : ' ')
      }
      throw new Failure(`${source} must be a list of strings`)
    case undefined:
      if (typeof value === 'string') {
        return value
      }
      throw new Failure(`${source} must be a string`)
    default:
      return fileType
  }
}
