import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { parse, YAMLParseError } from 'yaml'
import { Failure, systemErrorCode } from './failure.ts'
import type { FlagSpec, FlagTable } from './flag-spec.ts'

export interface ConfigFile {
  /** The texts that one would have typed, by flag. */
  readonly values: ReadonlyMap<string, string>
  /** Keys that no flag has. etcd passes over them in silence. */
  readonly unknown: readonly string[]
}

/**
 * Reads etcd's configuration file (server/embed/config.go configFromFile): each flag's name is a key,
 * those of TLS and some others stand in sections, and durations are nanoseconds. Throws Failure.
 */
export function readConfigFile(path: string, table: FlagTable): ConfigFile {
  const file = readObject(path)
  const given = new Map(entriesOf(path, file, sectionsOf(table)))
  const values = new Map<string, string>()
  for (const [name, spec] of Object.entries(table)) {
    const key = spec.fileKey?.join('.') ?? name
    const value = given.get(key)
    given.delete(key)
    // To Go, null leaves the default as it is.
    if (value !== undefined && value !== null) {
      values.set(name, asText(spec, value, `${path}: ${key}`))
    }
  }
  return { values, unknown: [...given.keys()] }
}

function sectionsOf(table: FlagTable): ReadonlySet<string> {
  return new Set(Object.values(table).flatMap(({ fileKey }) => fileKey?.slice(0, 1) ?? []))
}

/** `key` and value, or `section.key` and value. */
function entriesOf(
  path: string,
  file: Readonly<Record<string, unknown>>,
  sections: ReadonlySet<string>,
): readonly (readonly [string, unknown])[] {
  return Object.entries(file).flatMap(([key, value]) => {
    if (!sections.has(key)) {
      return [[key, value] as const]
    }
    const section = value ?? {}
    if (!isObject(section)) {
      throw new Failure(`${path}: ${key} must be a mapping`)
    }
    return Object.entries(section).map(([name, item]) => [`${key}.${name}`, item] as const)
  })
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
