import { type SnapshotStoreSettings, snapshotStoreSettings } from '../config/snapshot-store.ts'
import type { DirectoryStore } from '../object-directory/directory-store.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { probe } from '../object-store/probe.ts'
import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import type { Log } from './log.ts'
import { readS3Credentials } from './s3-credentials.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What `--snapshot-store` and its flags say. */
export interface SnapshotStore {
  /** What the Worker is told of it. */
  readonly variables: ReadonlyMap<string, string>
  /** Files, which the Worker reaches through this process; a bucket it asks itself. */
  readonly directory: DirectoryStore | undefined
  /** Whichever of them there is. */
  readonly store: ObjectStore | undefined
  readonly name: string
}

/** Throws Failure; what was typed is not repeated there, since somebody may have typed a secret. */
export async function openSnapshotStore(
  flags: ServeFlags,
  environment: Environment,
): Promise<SnapshotStore> {
  const variables = variablesOf(flags, environment)
  const url = flags['snapshot-store']
  if (url === '') {
    requireNoOthers(flags)
    return { variables, directory: undefined, store: undefined, name: '' }
  }
  const text = (name: string): string => variables.get(name) ?? ''
  const settings = snapshotStoreSettings(url, {
    endpoint: text('ETCDURABLE_SNAPSHOT_STORE_ENDPOINT'),
    region: text('ETCDURABLE_SNAPSHOT_STORE_REGION'),
    accessKeyId: text('AWS_ACCESS_KEY_ID'),
    secretAccessKey: text('AWS_SECRET_ACCESS_KEY'),
    sessionToken: text('AWS_SESSION_TOKEN'),
  })
  if (typeof settings === 'string') {
    throw new Failure(`--snapshot-store ${settings}`)
  }
  return { variables, ...(await openStore(settings)) }
}

/** Only what is used is loaded. */
async function openStore(
  settings: SnapshotStoreSettings,
): Promise<Omit<SnapshotStore, 'variables'>> {
  if (settings.kind === 'directory') {
    const { DirectoryStore } = await import('../object-directory/directory-store.ts')
    const directory = new DirectoryStore(settings.path)
    return { directory, store: directory, name: directory.name }
  }
  const { S3Store } = await import('../object-store/s3-store.ts')
  const store = new S3Store(settings)
  return { directory: undefined, store, name: store.name }
}

/** Says in the log whether snapshots can be kept there. Nobody waits for it: a store may be away for long. */
export async function logProbe({ store, name }: SnapshotStore, log: Log): Promise<void> {
  if (store === undefined) {
    return
  }
  try {
    const problem = await probe(store)
    if (problem === undefined) {
      log.write('info', 'snapshot store is ready', { store: name })
    } else {
      log.write('error', 'snapshot store cannot be used: no snapshots are made', {
        store: name,
        problem,
      })
    }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    log.write('warn', 'snapshot store cannot be reached', { store: name, problem })
  }
}

/** AWS's own names are those that its tools read. */
function variablesOf(flags: ServeFlags, environment: Environment): ReadonlyMap<string, string> {
  const lag = ['ETCDURABLE_SNAPSHOT_LAG_SECONDS', String(flags['snapshot-lag'] / 1000)] as const
  const url = flags['snapshot-store']
  if (url === '') {
    return new Map([lag])
  }
  const told = new Map([lag, ['ETCDURABLE_SNAPSHOT_STORE', url]])
  if (!url.startsWith('s3:')) {
    requireNoOthers(flags)
    return told
  }
  const first = (...names: readonly string[]): string =>
    names.map((name) => environment[name]).find(Boolean) ?? ''
  const file = flags['snapshot-store-credentials-file']
  const credentials = file === '' ? environment : readS3Credentials(file)
  const bucket = {
    ETCDURABLE_SNAPSHOT_STORE_ENDPOINT:
      flags['snapshot-store-endpoint'] || first('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'),
    ETCDURABLE_SNAPSHOT_STORE_REGION:
      flags['snapshot-store-region'] || first('AWS_REGION', 'AWS_DEFAULT_REGION'),
    AWS_ACCESS_KEY_ID: credentials['AWS_ACCESS_KEY_ID'] ?? '',
    AWS_SECRET_ACCESS_KEY: credentials['AWS_SECRET_ACCESS_KEY'] ?? '',
    AWS_SESSION_TOKEN: credentials['AWS_SESSION_TOKEN'] ?? '',
  }
  return new Map([...told, ...Object.entries(bucket).filter(([, value]) => value !== '')])
}

/** A flag that would have no effect is a mistake. */
function requireNoOthers(flags: ServeFlags): void {
  const others = [
    'snapshot-store-endpoint',
    'snapshot-store-region',
    'snapshot-store-credentials-file',
  ] as const
  const other = others.find((name) => flags[name] !== '')
  if (other !== undefined) {
    throw new Failure(`--${other} is for a bucket: it needs --snapshot-store s3://bucket/prefix`)
  }
}
