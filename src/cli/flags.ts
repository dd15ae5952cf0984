import * as z from 'zod'
import { parseDuration } from '../config/duration.ts'
import { Failure } from './failure.ts'
import { clientUrlProblem, hostPort, type ListenUrl, parseListenUrl } from './listen-url.ts'

/** Sections of `--help`, in etcd's order. */
export const sections = [
  'Member',
  'Clustering',
  'Security',
  'Profiling and Monitoring',
  'Logging',
  'Features',
] as const

interface FlagSpec {
  readonly section: (typeof sections)[number]
  /** The value when neither the command line nor the environment gives one, as one would type it. */
  readonly fallback: string
  /** Shown by `--help` in place of a fallback that depends on other flags. */
  readonly fallbackShown?: string
  readonly help: string
  readonly schema: z.ZodType<unknown, string>
  /** The Worker's variable; absent for a flag that concerns this process alone. */
  readonly binding?: string
}

const wholeNumber = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .transform(Number)
  .refine(Number.isSafeInteger, 'is out of range')

const countingNumber = wholeNumber.refine((value) => value >= 0, 'must not be negative')

const durationMs = z.string().transform((text, context) => {
  const ms = parseDuration(text)
  if (ms === undefined) {
    context.addIssue('must be a duration such as 10m or 1h30m')
    return z.NEVER
  }
  return ms
})

const listenUrls = z.string().transform((text, context): readonly ListenUrl[] => {
  const parsed = text.split(',').map(parseListenUrl)
  const wrong = parsed.find((url) => typeof url === 'string')
  if (wrong !== undefined) {
    context.addIssue(wrong)
    return z.NEVER
  }
  return parsed.filter((url) => typeof url !== 'string')
})

/** Empty means the URLs that the server listens on. */
const advertiseUrls = z.string().superRefine((text, context) => {
  const wrong = text === '' ? undefined : text.split(',').map(clientUrlProblem).find(Boolean)
  if (wrong !== undefined) {
    context.addIssue(wrong)
  }
})

/**
 * Every flag: etcd's names, defaults and words (etcd server/etcdmain/help.go). The parser, `--help`
 * and the Worker's variables all come from this table.
 */
export const flagTable = {
  'name': {
    section: 'Member',
    fallback: 'default',
    help: 'Human-readable name for this member.',
    schema: z.string().min(1, 'must not be empty'),
    binding: 'ETCD_NAME',
  },
  'data-dir': {
    section: 'Member',
    fallback: '',
    fallbackShown: '${name}.etcdurable',
    help: 'Path to the data directory.',
    schema: z.string(),
  },
  'listen-client-urls': {
    section: 'Member',
    fallback: 'http://127.0.0.1:2379',
    help: 'Comma-separated URLs to listen on for client traffic.',
    schema: listenUrls,
  },
  'quota-backend-bytes': {
    section: 'Member',
    fallback: '0',
    help: 'Size in bytes past which the keyspace raises the NOSPACE alarm. 0 means the default of 2 GiB.',
    schema: wholeNumber,
    binding: 'ETCD_QUOTA_BACKEND_BYTES',
  },
  'max-txn-ops': {
    section: 'Member',
    fallback: '128',
    help: 'Maximum number of operations permitted in a transaction.',
    schema: countingNumber,
    binding: 'ETCD_MAX_TXN_OPS',
  },
  'max-request-bytes': {
    section: 'Member',
    fallback: '1572864',
    help: 'Maximum client request size in bytes the server will accept.',
    schema: countingNumber,
    binding: 'ETCD_MAX_REQUEST_BYTES',
  },
  'advertise-client-urls': {
    section: 'Clustering',
    fallback: '',
    fallbackShown: '${listen-client-urls}',
    help: 'Comma-separated client URLs that the member list tells clients of.',
    schema: advertiseUrls,
    binding: 'ETCD_ADVERTISE_CLIENT_URLS',
  },
  'auto-compaction-mode': {
    section: 'Clustering',
    fallback: 'periodic',
    help: "How to read --auto-compaction-retention: 'periodic' is a duration, 'revision' a number of revisions.",
    schema: z.enum(['periodic', 'revision'], 'must be periodic or revision'),
    binding: 'ETCD_AUTO_COMPACTION_MODE',
  },
  'auto-compaction-retention': {
    section: 'Clustering',
    fallback: '0',
    help: 'How much history to keep: hours or a duration such as 5m, or revisions. 0 disables auto compaction.',
    schema: z.string(),
    binding: 'ETCD_AUTO_COMPACTION_RETENTION',
  },
  'cors': {
    section: 'Security',
    fallback: '*',
    help: 'Comma-separated origins allowed by CORS (empty or * means all).',
    schema: z.string(),
    binding: 'ETCD_CORS',
  },
  'host-whitelist': {
    section: 'Security',
    fallback: '*',
    help: 'Comma-separated hostnames that plaintext HTTP requests may name (empty or * means all).',
    schema: z.string(),
    binding: 'ETCD_HOST_WHITELIST',
  },
  'metrics': {
    section: 'Profiling and Monitoring',
    fallback: 'basic',
    help: "Detail of the exported metrics; 'extensive' adds latency histograms per method.",
    schema: z.enum(['basic', 'extensive'], 'must be basic or extensive'),
    binding: 'ETCD_METRICS',
  },
  'log-level': {
    section: 'Logging',
    fallback: 'info',
    help: 'Lowest level that is logged: debug, info, warn, error, panic or fatal.',
    schema: z.enum(
      ['debug', 'info', 'warn', 'error', 'panic', 'fatal'],
      'must be debug, info, warn, error, panic or fatal',
    ),
  },
  'watch-progress-notify-interval': {
    section: 'Features',
    fallback: '10m',
    help: 'Duration of periodical watch progress notification.',
    schema: durationMs.refine((ms) => ms > 0, 'must be more than 0'),
    binding: 'ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS',
  },
} as const satisfies Readonly<Record<string, FlagSpec>>

type Table = typeof flagTable
export type FlagName = keyof Table
export type Flags = { readonly [Name in FlagName]: z.output<Table[Name]['schema']> }

/** The environment variable of a flag: `data-dir` is ETCD_DATA_DIR. */
function environmentName(name: string): string {
  return `ETCD_${name.toUpperCase().replaceAll('-', '_')}`
}

/** Flags from `args`, else from ETCD_* variables, else the defaults. Throws Failure. */
export function parseFlags(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Flags {
  const typed = readArguments(args)
  const values = Object.entries<FlagSpec>(flagTable).map(([name, spec]) => {
    const fromArguments = typed.get(name)
    if (fromArguments !== undefined) {
      return [name, parseValue(spec, fromArguments, `flag --${name}`, 2)]
    }
    // etcd takes an empty variable for an unset one.
    const fromEnvironment = environment[environmentName(name)] || undefined
    return [name, parseValue(spec, fromEnvironment ?? spec.fallback, environmentName(name), 1)]
  })
  // Each value was just parsed by the schema of its name.
  return completeFlags(Object.fromEntries(values) as Flags)
}

/** Names of set ETCD_* variables that no flag has: most likely a mistake in the name. */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const known = new Set(Object.keys(flagTable).map(environmentName))
  return Object.keys(environment).filter((name) => name.startsWith('ETCD_') && !known.has(name))
}

/** The Worker's variables that say what the flags said. */
export function workerVariables(flags: Flags): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [name, { binding }] of Object.entries<FlagSpec>(flagTable)) {
    const value = flags[name as FlagName]
    if (binding !== undefined && typeof value !== 'object') {
      variables.set(binding, String(value))
    }
  }
  return variables
}

/** Rules and defaults that span two flags. */
function completeFlags(flags: Flags): Flags {
  const retention = flags['auto-compaction-retention']
  const isRetention =
    /^\d+$/.test(retention) ||
    (flags['auto-compaction-mode'] === 'periodic' && (parseDuration(retention) ?? -1) >= 0)
  if (!isRetention) {
    const kind =
      flags['auto-compaction-mode'] === 'periodic' ? 'hours or a duration' : 'a number of revisions'
    throw new Failure(
      `invalid value "${retention}" for --auto-compaction-retention: must be ${kind}`,
    )
  }
  return {
    ...flags,
    'data-dir': flags['data-dir'] || `${flags.name}.etcdurable`,
    'advertise-client-urls':
      flags['advertise-client-urls'] ||
      flags['listen-client-urls'].map((url) => `http://${hostPort(url)}`).join(','),
  }
}

/** Go's flag syntax: one dash or two, `=value` or the next argument; the last of a name wins. */
function readArguments(args: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, name, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) {
      throw new Failure(`"${argument}" is not a valid flag (see --help)`, 1)
    }
    if (!Object.hasOwn(flagTable, name)) {
      throw new Failure(`flag provided but not defined: --${name} (see --help)`, 2)
    }
    const value = inline ?? rest.shift()
    if (value === undefined) {
      throw new Failure(`flag needs an argument: --${name}`, 2)
    }
    values.set(name, value)
  }
  return values
}

function parseValue(spec: FlagSpec, text: string, source: string, exitCode: 1 | 2): unknown {
  const parsed = spec.schema.safeParse(text)
  if (!parsed.success) {
    const wrong = parsed.error.issues[0]?.message ?? 'parse error'
    throw new Failure(`invalid value "${text}" for ${source}: ${wrong}`, exitCode)
  }
  return parsed.data
}
