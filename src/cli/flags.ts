import { parseDuration } from '../config/duration.ts'
import { readConfigFile } from './config-file.ts'
import { Failure } from './failure.ts'
import type { FlagSpec, FlagsOf, FlagTable } from './flag-spec.ts'
import { bridgeTable, type BridgeFlags, type ServeFlags, serveTable } from './flag-table.ts'

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

/** The flags of a command that asks a deployment, and its other arguments. Throws Failure. */
export function parseClientFlags<Table extends FlagTable>(
  table: Table,
  args: readonly string[],
  environment: Environment,
): { readonly flags: FlagsOf<Table>; readonly operands: readonly string[] } {
  const { values, operands } = readCommandLine(table, args)
  return { flags: valuesOf(table, values, environment), operands }
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
  const {
    values: typed,
    operands: [operand],
  } = readCommandLine(table, args)
  if (operand !== undefined) {
    throw new Failure(`"${operand}" is not a valid flag (see --help)`, 1)
  }
  const path = typed.get('config-file') ?? fromEnvironment(environment, 'config-file') ?? ''
  if (path !== '') {
    return parseConfigFile(table, path, [...typed.keys()])
  }
  const warnings = unknownVariables(table, environment).map((variable) => ({
    message: 'unrecognized environment variable',
    fields: { variable },
  }))
  return { flags: valuesOf(table, typed, environment), warnings }
}

/** What was typed, else what the environment says, else the defaults. */
function valuesOf<Table extends FlagTable>(
  table: Table,
  typed: ReadonlyMap<string, string>,
  environment: Environment,
): FlagsOf<Table> {
  const values = Object.entries(table).map(([name, spec]) => {
    const fromArguments = typed.get(name)
    if (fromArguments !== undefined) {
      return [name, parseValue(spec, fromArguments, { name: `flag --${name}`, exitCode: 2 })]
    }
    const fromVariable = fromEnvironment(environment, name)
    const source = fromVariable === undefined ? `flag --${name}` : environmentName(name)
    return [name, parseValue(spec, fromVariable ?? spec.fallback, { name: source, exitCode: 1 })]
  })
  // Each value was just parsed by the schema of its name.
  return Object.fromEntries(values) as FlagsOf<Table>
}

/** etcd takes an empty variable for an unset one. */
function fromEnvironment(environment: Environment, name: string): string | undefined {
  return environment[environmentName(name)] || undefined
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
 * value of a boolean stands behind an equals sign or is true. What begins with no dash is an operand.
 */
function readCommandLine(
  table: FlagTable,
  args: readonly string[],
): { readonly values: ReadonlyMap<string, string>; readonly operands: readonly string[] } {
  const values = new Map<string, string>()
  const operands: string[] = []
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (!argument.startsWith('-')) {
      operands.push(argument)
      continue
    }
    const [, typed, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (typed === undefined) {
      throw new Failure(`"${argument}" is not a valid flag (see --help)`, 1)
    }
    const found = Object.entries(table).find(
      ([name, { short }]) => name === typed || short === typed,
    )
    if (found === undefined) {
      throw new Failure(`flag provided but not defined: --${typed} (see --help)`, 2)
    }
    const [name, spec] = found
    const value = inline ?? (spec.fileType === 'boolean' ? 'true' : rest.shift())
    if (value === undefined) {
      throw new Failure(`flag needs an argument: --${name}`, 2)
    }
    values.set(name, spec.repeatable === true ? joined(values.get(name), value) : value)
  }
  return { values, operands }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before} ${value}`
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
