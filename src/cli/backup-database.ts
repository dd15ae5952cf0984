import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { EtcdFile } from '../etcd-file/etcd-file.ts'
import { PortMetrics } from '../grpc/port-metrics.ts'
import { sessionRoute } from '../host/session-route.ts'
import { Link } from '../link/link.ts'
import { decode } from '../protocol/binary.ts'
import { SnapshotResponse } from '../protocol/generated/messages.ts'
import { type Bucket, fileOf, layOut } from '../snapshot/file.ts'
import { type Part, partOf } from '../snapshot/page.ts'
import type { Entry } from '../snapshot/tree.ts'
import { uint64 } from '../snapshot/uint64.ts'
import { Failure } from './failure.ts'
import { openHost } from './host-runtime.ts'
import { Log } from './log.ts'
import { withEtcdFile } from './snapshot-file.ts'

const CONSISTENT_INDEX = 'consistent_index'
/** Who the members were, which `etcdctl backup` forgets, and what etcd 3.4 knows nothing of. */
const otherBuckets: ReadonlySet<string> = new Set(['members', 'members_removed', 'cluster'])
const metaOf34: ReadonlySet<string> = new Set([
  CONSISTENT_INDEX,
  'scheduledCompactRev',
  'finishedCompactRev',
])

/** Of whom it is taken. */
interface Source {
  /** The data directory, which is this process's alone. */
  readonly directory: string
  readonly keyspace: string
}

/**
 * Writes the database of etcd 3.4 with the v3 keys of a keyspace: its history, leases, users and roles.
 * Answers how far a log has been carried out that it is of. Throws Failure.
 */
export async function writeV3Database(source: Source, path: string): Promise<bigint> {
  const whole = `${path}.part`
  try {
    await saveSnapshot(source, whole)
    return await withEtcdFile(whole, (file) => {
      write(path, databaseOf(bucketsIn(file)))
      return indexIn(file)
    })
  } finally {
    rmSync(whole, { force: true })
  }
}

/** A database that says how far the log has been carried out, and has nothing else. */
export function writeEmptyDatabase(index: bigint, path: string): void {
  const key = new TextEncoder().encode(CONSISTENT_INDEX)
  const entries = [{ key: partOf(key), value: partOf(uint64(index)) }]
  write(path, databaseOf([{ name: 'meta', entries: () => entries, sizes: () => entries }]))
}

/** What `etcdctl snapshot save` would save, of the keyspace's own object, which nobody else can reach meanwhile. */
async function saveSnapshot({ directory, keyspace }: Source, path: string): Promise<void> {
  const log = new Log({ 'log-level': 'error', 'log-format': 'json', 'log-outputs': ['stderr'] })
  const linkSecret = randomBytes(32).toString('base64url')
  const variables = new Map([
    ['EMBEDDED', 'true'],
    ['ETCDURABLE_LINK_SECRET', linkSecret],
  ])
  const portMetrics = new PortMetrics()
  const host = await openHost({ log, directory, variables, portMetrics, snapshots: undefined })
  const route = sessionRoute(host, `/keyspaces/${keyspace}/session`, linkSecret)
  const link = new Link({
    route,
    clientUrls: '',
    log: (level, message, fields) => log.write(level, message, fields),
  })
  const file = openSync(path, 'w', 0o600)
  try {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    link.start().catch(reject)
    const stream = link.stream(
      {
        method: '/etcdserverpb.Maintenance/Snapshot',
        request: new Uint8Array(0),
        // Where users are looked at, there is one of that name.
        context: { commonName: 'root' },
      },
      {
        received: (message) => {
          writeSync(file, decode(SnapshotResponse, message).blob)
          stream.taken(message.length)
        },
        ended: (status) => {
          if (status === undefined) {
            resolve(undefined)
          } else {
            reject(new Failure(`the keyspace ${keyspace} cannot be read: ${status.message}`))
          }
        },
      },
    )
    await promise
  } finally {
    closeSync(file)
    link.close()
    // The object hears of that before it leaves the memory.
    await setImmediate()
    host.stop()
  }
}

function bucketsIn(file: EtcdFile): readonly Bucket[] {
  const names = [...file.buckets()].map(({ name }) => name)
  return names
    .filter((name) => !otherBuckets.has(name))
    .map((name) => {
      const entries = (): Iterable<Entry<Part>> => entriesIn(file, name)
      return { name, entries, sizes: entries }
    })
}

function* entriesIn(file: EtcdFile, bucket: string): Iterable<Entry<Part>> {
  for (const { key, value } of file.entries(bucket)) {
    if (bucket !== 'meta' || metaOf34.has(asciiOf(key))) {
      yield { key: partOf(key), value: partOf(value) }
    }
  }
}

function indexIn(file: EtcdFile): bigint {
  const found = [...file.entries('meta')].find(({ key }) => asciiOf(key) === CONSISTENT_INDEX)
  if (found === undefined) {
    throw new Error('a snapshot that does not say how far the log has been carried out')
  }
  const { buffer, byteOffset, length } = found.value
  return new DataView(buffer, byteOffset, length).getBigUint64(0)
}

function asciiOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function* databaseOf(buckets: readonly Bucket[]): Generator<Uint8Array> {
  const steps = layOut(buckets)
  let step = steps.next()
  while (step.done !== true) {
    step = steps.next()
  }
  yield* fileOf(buckets, step.value)
}

function write(path: string, pieces: Iterable<Uint8Array>): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    for (const piece of pieces) {
      writeSync(file, piece)
    }
  } finally {
    closeSync(file)
  }
}
