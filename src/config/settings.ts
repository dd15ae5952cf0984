import * as z from 'zod'
import { type TokenSettings, tokenSettings } from './auth-token.ts'
import { type AutoCompaction, parseAutoCompaction } from './auto-compaction.ts'
import { type ClusterSettings, parseCluster } from './cluster.ts'
import { REQUEST_BYTES_MAX, REQUEST_BYTES_PROBLEM } from './request-bytes.ts'
import { type SnapshotStoreSettings, snapshotStoreSettings } from './snapshot-store.ts'

const BCRYPT_COST_MIN = 4
const BCRYPT_COST_MAX = 31
const BCRYPT_COST_DEFAULT = 10

/** What gateway and shard are told by their environment: etcd's flags, with etcd's defaults. */
export interface Settings {
  readonly name: string
  /** Empty: the member list answers the origin that the client asked at. */
  readonly advertiseClientUrls: readonly string[]
  /** What the member list tells of this member, although no peer ever dials it. */
  readonly peerUrls: readonly string[]
  readonly maxLearners: number
  /** Whether calls are answered in JSON. */
  readonly jsonGateway: boolean
  /** Whether etcd's v2 API is served. */
  readonly v2: boolean
  /** 0 is the default of 2 GiB, negative is off. */
  readonly quotaBackendBytes: number
  readonly maxRequestBytes: number
  readonly maxTxnOps: number
  readonly watchProgressNotifyIntervalMs: number
  /** Undefined: history is kept until a client compacts it. */
  readonly autoCompaction: AutoCompaction | undefined
  /** The origins that CORS allows; undefined allows all. */
  readonly cors: ReadonlySet<string> | undefined
  /** The hosts that a plaintext request may name; undefined allows all. */
  readonly hostWhitelist: ReadonlySet<string> | undefined
  readonly metrics: 'basic' | 'extensive'
  readonly tokens: TokenSettings
  /** How long a simple token lives after its last use. */
  readonly authTokenTtlMs: number
  /** The logarithm of bcrypt's number of rounds. */
  readonly bcryptCost: number
  /** Whether this is the embedded start, which listens where its command line says. */
  readonly embedded: boolean
  /** What every request to a deployed Worker has to bring along. */
  readonly accessToken: string | undefined
  /** By which the embedded start's own link is told from clients that open a session as well. */
  readonly linkSecret: string | undefined
  /** Milliseconds between two spaces in a JSON stream over HTTP; 0 sends none. */
  readonly spaceIntervalMs: number
  /** Undefined: snapshots go to the bucket that the Worker is bound to, or nowhere. */
  readonly snapshotStore: SnapshotStoreSettings | undefined
  /** How far what is in the store may be behind what is written. */
  readonly snapshotLagMs: number
  /** Undefined where one node is all. */
  readonly cluster: ClusterSettings | undefined
}

/** A variable of the environment holds what its flag could not: the text says which and why. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const parsed = new WeakMap<object, Settings>()

/** The same, parsed once for each environment. */
export function settingsOf(environment: object): Settings {
  let settings = parsed.get(environment)
  if (settings === undefined) {
    settings = parseSettings(environment)
    parsed.set(environment, settings)
  }
  return settings
}

/** Throws a SettingsError. */
export function parseSettings(environment: object): Settings {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    throw new SettingsError(problems.join('; '))
  }
  return result.data
}

/** An empty variable counts as an unset one, as in etcd. */
function setting<T>(fallback: string, schemaOfText: z.ZodType<T, string>) {
  return z
    .string('must be a text')
    .optional()
    .transform((text) => (text === undefined || text === '' ? fallback : text))
    .pipe(schemaOfText)
}

const wholeNumber = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .transform(Number)
  .refine(Number.isSafeInteger, 'is out of range')

const countingNumber = wholeNumber.refine((value) => value >= 0, 'must not be negative')

const requestBytes = countingNumber.refine(
  (value) => value <= REQUEST_BYTES_MAX,
  REQUEST_BYTES_PROBLEM,
)

const urls = z
  .string()
  .transform((text) => (text === '' ? [] : text.split(',')))
  .refine((list) => list.every((url) => URL.canParse(url)), 'must be URLs with commas between')

/** Undefined for all of them, which `*` or nothing among the items means. */
const allowed = z.string().transform((text) => {
  const items = new Set(text.split(',').map((item) => item.trim()))
  return items.has('*') || items.has('') ? undefined : items
})

const clusterText = z
  .string()
  .transform((text) => (text === '' ? undefined : (parseCluster(text) ?? 'invalid')))
  .refine((cluster) => cluster !== 'invalid', 'must be what a node knows of its cluster')
  .transform((cluster) => (cluster === 'invalid' ? undefined : cluster))

const schema = z
  .object({
    ETCD_NAME: setting('default', z.string()),
    ETCD_ADVERTISE_CLIENT_URLS: setting('', urls),
    ETCD_INITIAL_ADVERTISE_PEER_URLS: setting('http://localhost:2380', urls),
    ETCD_MAX_LEARNERS: setting('1', countingNumber),
    ETCD_ENABLE_GRPC_GATEWAY: setting('true', z.enum(['true', 'false'], 'must be true or false')),
    ETCD_ENABLE_V2: setting('false', z.enum(['true', 'false'], 'must be true or false')),
    ETCD_QUOTA_BACKEND_BYTES: setting('0', wholeNumber),
    ETCD_MAX_REQUEST_BYTES: setting('1572864', requestBytes),
    ETCD_MAX_TXN_OPS: setting('128', countingNumber),
    ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS: setting(
      '600000',
      z
        .string()
        .transform(Number)
        .refine((ms) => ms > 0 && Number.isFinite(ms), 'must be milliseconds, more than 0'),
    ),
    ETCD_AUTO_COMPACTION_MODE: setting(
      'periodic',
      z.enum(['periodic', 'revision'], 'must be periodic or revision'),
    ),
    ETCD_AUTO_COMPACTION_RETENTION: setting('0', z.string()),
    ETCD_CORS: setting('*', allowed),
    ETCD_HOST_WHITELIST: setting('*', allowed),
    ETCD_METRICS: setting('basic', z.enum(['basic', 'extensive'], 'must be basic or extensive')),
    // Empty is a value here: no tokens at all.
    ETCD_AUTH_TOKEN: z.string('must be a text').default('simple'),
    ETCD_AUTH_TOKEN_PUBLIC_KEY: setting('', z.string()),
    ETCD_AUTH_TOKEN_PRIVATE_KEY: setting('', z.string()),
    ETCD_AUTH_TOKEN_TTL: setting('300', countingNumber),
    ETCD_BCRYPT_COST: setting(String(BCRYPT_COST_DEFAULT), wholeNumber),
    EMBEDDED: setting('false', z.enum(['true', 'false'], 'must be true or false')),
    ETCDURABLE_TOKEN: setting('', z.string()),
    ETCDURABLE_LINK_SECRET: setting('', z.string()),
    ETCDURABLE_STREAM_SPACE_SECONDS: setting('0', countingNumber),
    ETCDURABLE_CLUSTER: setting('', clusterText),
    ETCDURABLE_SNAPSHOT_STORE: setting('', z.string()),
    ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: setting('', z.string()),
    ETCDURABLE_SNAPSHOT_STORE_REGION: setting('', z.string()),
    ETCDURABLE_SNAPSHOT_LAG_SECONDS: setting(
      '10',
      z
        .string()
        .transform(Number)
        .refine(
          (seconds) => seconds > 0 && Number.isFinite(seconds),
          'must be seconds, more than 0',
        ),
    ),
    AWS_ACCESS_KEY_ID: setting('', z.string()),
    AWS_SECRET_ACCESS_KEY: setting('', z.string()),
    AWS_SESSION_TOKEN: setting('', z.string()),
  })
  .transform((values, context): Settings => {
    const retention = values.ETCD_AUTO_COMPACTION_RETENTION
    const autoCompaction = parseAutoCompaction(values.ETCD_AUTO_COMPACTION_MODE, retention)
    if (autoCompaction === 'invalid') {
      const kind =
        values.ETCD_AUTO_COMPACTION_MODE === 'periodic' ? 'hours or a duration' : 'revisions'
      context.addIssue({
        code: 'custom',
        path: ['ETCD_AUTO_COMPACTION_RETENTION'],
        message: `must be a number of ${kind}`,
      })
      return z.NEVER
    }
    const tokens = tokenSettings(values.ETCD_AUTH_TOKEN, {
      publicKey: values.ETCD_AUTH_TOKEN_PUBLIC_KEY,
      privateKey: values.ETCD_AUTH_TOKEN_PRIVATE_KEY,
    })
    if (tokens === undefined) {
      const path = ['ETCD_AUTH_TOKEN']
      context.addIssue({ code: 'custom', path, message: 'must be simple or jwt with its options' })
      return z.NEVER
    }
    const snapshotStore = snapshotStoreOf(values)
    if (typeof snapshotStore === 'string') {
      const path = ['ETCDURABLE_SNAPSHOT_STORE']
      context.addIssue({ code: 'custom', path, message: snapshotStore })
      return z.NEVER
    }
    const cost = values.ETCD_BCRYPT_COST
    return {
      name: values.ETCD_NAME,
      advertiseClientUrls: values.ETCD_ADVERTISE_CLIENT_URLS,
      peerUrls: values.ETCD_INITIAL_ADVERTISE_PEER_URLS,
      maxLearners: values.ETCD_MAX_LEARNERS,
      jsonGateway: values.ETCD_ENABLE_GRPC_GATEWAY === 'true',
      v2: values.ETCD_ENABLE_V2 === 'true',
      quotaBackendBytes: values.ETCD_QUOTA_BACKEND_BYTES,
      maxRequestBytes: values.ETCD_MAX_REQUEST_BYTES,
      maxTxnOps: values.ETCD_MAX_TXN_OPS,
      watchProgressNotifyIntervalMs: values.ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS,
      autoCompaction,
      cors: values.ETCD_CORS,
      hostWhitelist: values.ETCD_HOST_WHITELIST,
      metrics: values.ETCD_METRICS,
      tokens,
      authTokenTtlMs: values.ETCD_AUTH_TOKEN_TTL * 1000,
      // etcd warns and goes on with the default.
      bcryptCost: cost < BCRYPT_COST_MIN || cost > BCRYPT_COST_MAX ? BCRYPT_COST_DEFAULT : cost,
      embedded: values.EMBEDDED === 'true',
      accessToken: values.ETCDURABLE_TOKEN === '' ? undefined : values.ETCDURABLE_TOKEN,
      linkSecret: values.ETCDURABLE_LINK_SECRET === '' ? undefined : values.ETCDURABLE_LINK_SECRET,
      spaceIntervalMs: values.ETCDURABLE_STREAM_SPACE_SECONDS * 1000,
      snapshotStore,
      snapshotLagMs: values.ETCDURABLE_SNAPSHOT_LAG_SECONDS * 1000,
      cluster: values.ETCDURABLE_CLUSTER,
    }
  })

interface SnapshotStoreTexts {
  readonly EMBEDDED: string
  readonly ETCDURABLE_SNAPSHOT_STORE: string
  readonly ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: string
  readonly ETCDURABLE_SNAPSHOT_STORE_REGION: string
  readonly AWS_ACCESS_KEY_ID: string
  readonly AWS_SECRET_ACCESS_KEY: string
  readonly AWS_SESSION_TOKEN: string
}

/** A text says what is wrong. */
function snapshotStoreOf(values: SnapshotStoreTexts): SnapshotStoreSettings | string | undefined {
  if (values.ETCDURABLE_SNAPSHOT_STORE === '') {
    return undefined
  }
  const store = snapshotStoreSettings(values.ETCDURABLE_SNAPSHOT_STORE, {
    endpoint: values.ETCDURABLE_SNAPSHOT_STORE_ENDPOINT,
    region: values.ETCDURABLE_SNAPSHOT_STORE_REGION,
    accessKeyId: values.AWS_ACCESS_KEY_ID,
    secretAccessKey: values.AWS_SECRET_ACCESS_KEY,
    sessionToken: values.AWS_SESSION_TOKEN,
  })
  return typeof store === 'object' && store.kind === 'directory' && values.EMBEDDED !== 'true'
    ? 'must be a bucket: a deployed Worker has no directory'
    : store
}
