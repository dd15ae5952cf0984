import { parseDuration } from '../config/duration.ts'
import { readConfigFile } from './config-file.ts'
import { Failure } from './failure.ts'
import {
  bridgeTable,
  type BridgeFlags,
  type FlagSpec,
  type FlagsOf,
  type FlagTable,
  type ServeFlags,
  serveTable,
} from './flag-table.ts'

export interface Parsed<Flags> {
  readonly flags: Flags
  /** What was given and is of no effect: for the log. */
  readonly warnings: readonly Warning[]
}

export interface Warning {
  readonly message: string
  readonly fields: Readonly<Record<string, string>>
}

type Environment = Readonly<Record<string, string | undefined>>

/** The environment variable of a flag: `data-dir` is ETCD_DATA_DIR. */
function environmentName(name: string): string {
  return `ETCD_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The flags of `serve`. Throws Failure. */
export function parseServeFlags(
  args: readonly string[],
  environment: Environment,
): Parsed<ServeFlags> {
  const { flags, warnings } = parseFlags(serveTable, args, environment)
  refuseWrongRetention(flags)
  const dataDir = flags['data-dir'] || `${flags.name}.etcdurable`
  return { flags: { ...flags, 'data-dir': dataDir }, warnings }
}

/** The flags of `bridge`. Throws Failure. */
export function parseBridgeFlags(
  args: readonly string[],
  environment: Environment,
): Parsed<BridgeFlags> {
  return parseFlags(bridgeTable, args, environment)
}

/** The Worker's variables that say what the flags said. */
export function workerVariables(flags: ServeFlags): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [name, { binding }] of Object.entries<FlagSpec>(serveTable)) {
    const value = flags[name as keyof ServeFlags]
    if (binding !== undefined && typeof value !== 'object') {
      variables.set(binding, String(value))
    }
  }
  return variables
}

/**
 * Flags from the configuration file where one is named, and then from nowhere else, as in etcd; else
 * from `args`, then from ETCD_* variables, then the defaults.
 */
function parseFlags<Table extends FlagTable>(
  table: Table,
  args: readonly string[],
  environment: Environment,
): Parsed<FlagsOf<Table>> {
  const typed = readArguments(table, args)
  // etcd takes an empty variable for an unset one.
  const fromEnvironment = (name: string): string | undefined =>
    environment[environmentName(name)] || undefined
  const path = typed.get('config-file') ?? fromEnvironment('config-file') ?? ''
  if (path !== '') {
    return parseConfigFile(table, path, [...typed.keys()])
  }
  const values = Object.entries(table).map(([name, spec]) => {
    const fromArguments = typed.get(name)
    if (fromArguments !== undefined) {
      return [name, parseValue(spec, fromArguments, { name: `flag --${name}`, exitCode: 2 })]
    }
    const fromVariable = fromEnvironment(name)
    const source = fromVariable === undefined ? `flag --${name}` : environmentName(name)
    return [name, parseValue(spec, fromVariable ?? spec.fallback, { name: source, exitCode: 1 })]
  })
  const warnings = unknownVariables(table, environment).map((variable) => ({
    message: 'unrecognized environment variable',
    fields: { variable },
  }))
  // Each value was just parsed by the schema of its name.
  return { flags: Object.fromEntries(values) as FlagsOf<Table>, warnings }
}

function parseConfigFile<Table extends FlagTable>(
  table: Table,
  path: string,
  typed: readonly string[],
): Parsed<FlagsOf<Table>> {
  const file = readConfigFile(path, table)
  const values = Object.entries(table).map(([name, spec]) => {
    const given = name === 'config-file' ? path : (file.values.get(name) ?? spec.fallback)
    return [name, parseValue(spec, given, { name: `${name} in ${path}`, exitCode: 1 })]
  })
  const ignored = typed.filter((name) => name !== 'config-file')
  const warnings = [
    ...file.unknown.map((key) => ({
      message: 'unrecognized key in the configuration file',
      fields: { key },
    })),
    ...ignored.map((name) => ({
      message: 'flag ignored because a configuration file is given',
      fields: { flag: `--${name}` },
    })),
  ]
  return { flags: Object.fromEntries(values) as FlagsOf<Table>, warnings }
}

/** Names of set ETCD_* variables that no flag has: most likely a mistake in the name. */
function unknownVariables(table: FlagTable, environment: Environment): readonly string[] {
  const known = new Set(Object.keys(table).map(environmentName))
  return Object.keys(environment).filter((name) => name.startsWith('ETCD_') && !known.has(name))
}

function refuseWrongRetention(flags: ServeFlags): void {
  const [mode, retention] = [flags['auto-compaction-mode'], flags['auto-compaction-retention']]
  const isRetention =
    /^\d+$/.test(retention) || (mode === 'periodic' && (parseDuration(retention) ?? -1) >= 0)
  if (!isRetention) {
    const kind = mode === 'periodic' ? 'hours or a duration' : 'a number of revisions'
    throw new Failure(
      `invalid value "${retention}" for --auto-compaction-retention: must be ${kind}`,
    )
  }
}

/**
 * Go's flag syntax: one dash or two, `=value` or the next argument; the last of a name wins. The
 * value of a boolean stands behind an equals sign or is true.
 */
function readArguments(table: FlagTable, args: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, name, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) {
      throw new Failure(`"${argument}" is not a valid flag (see --help)`, 1)
    }
    const spec = Object.hasOwn(table, name) ? table[name] : undefined
    if (spec === undefined) {
      throw new Failure(`flag provided but not defined: --${name} (see --help)`, 2)
    }
    const value = inline ?? (spec.fileType === 'boolean' ? 'true' : rest.shift())
    if (value === undefined) {
      throw new Failure(`flag needs an argument: --${name}`, 2)
    }
    values.set(name, value)
  }
  return values
}

interface Source {
  readonly name: string
  readonly exitCode: 1 | 2
}

function parseValue(spec: FlagSpec, given: string, source: Source): unknown {
  const parsed = spec.schema.safeParse(given)
  if (!parsed.success) {
    const wrong = parsed.error.issues[0]?.message ?? 'parse error'
    throw new Failure(`invalid value "${given}" for ${source.name}: ${wrong}`, source.exitCode)
  }
  return parsed.data
}
