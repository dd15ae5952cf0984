import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isKeyspaceName } from '../config/keyspace-name.ts'
import { DurableObjectIds } from '../host/durable-object-id.ts'
import { textOfBytes } from '../protocol/byte-text.ts'
import { type Bucket, fileOf, layOut } from '../snapshot/file.ts'
import { partOf } from '../snapshot/page.ts'
import { uint64 } from '../snapshot/uint64.ts'
import { type KeptEvent, type KeptNode, v2StoreJson } from '../snapshot/v2-store-json.ts'
import { raftSnapshotFile, raftSnapshotName, walFile, walFileName } from '../snapshot/wal-file.ts'
import { backupTable } from './client-flag-table.ts'
import { openDataDirectory } from './data-directory.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import type { Environment } from './subcommand.ts'
import { shardUniqueKey } from './workerd-config.ts'

/** Of whatever the log of a server that never had one comes to. */
const TERM = 2n
/** A new server counts its own member and version so far. */
const FIRST_INDEX = 3

/**
 * `backup`: writes the v2 store of a data directory as a directory that etcd 3.4 starts on, with
 * `--force-new-cluster` as behind `etcdctl backup`. Resolves to what is to be printed. Throws Failure.
 */
export async function backupCommand(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, operands } = parseClientFlags(backupTable, args, environment)
  if (operands.length > 0 || flags['data-dir'] === '' || flags['backup-dir'] === '') {
    throw new Failure('backup takes --data-dir DIRECTORY and --backup-dir DIRECTORY', 2)
  }
  if (flags['with-v3']) {
    throw new Failure('backup is of the v2 store: "etcdctl snapshot save" has the keys of v3', 2)
  }
  const { nodes, events, index } = storeIn(flags['data-dir'], flags.keyspace)
  const place = { index: BigInt(index), term: TERM }
  const snapshots = join(flags['backup-dir'], 'member', 'snap')
  const log = flags['backup-wal-dir'] || join(flags['backup-dir'], 'member', 'wal')
  if (existsSync(log)) {
    throw new Failure(`${log} is there already`)
  }
  for (const directory of [snapshots, log]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  }
  const state = new TextEncoder().encode(v2StoreJson(nodes, events, index))
  writeFileSync(join(snapshots, raftSnapshotName(place)), raftSnapshotFile(state, place))
  writeFileSync(join(snapshots, 'db'), Buffer.concat([...databaseOf(place.index)]))
  const [nodeId = 1n, clusterId = 1n] = crypto.getRandomValues(new BigUint64Array(2))
  writeFileSync(join(log, walFileName), walFile({ nodeId, clusterId }, place))
  return `${nodes.length} nodes and ${events.length} events of the v2 store at index ${index}`
}

interface StoredV2 {
  readonly nodes: readonly KeptNode[]
  readonly events: readonly KeptEvent[]
  readonly index: number
}

function storeIn(dataDirectory: string, keyspace: string): StoredV2 {
  if (!isKeyspaceName(keyspace)) {
    throw new Failure(`${keyspace} is no name of a keyspace`, 2)
  }
  const id = new DurableObjectIds(shardUniqueKey).fromName(keyspace).toString()
  const file = join(dataDirectory, 'shard', shardUniqueKey, `${id}.sqlite`)
  if (!existsSync(file)) {
    throw new Failure(`there is no keyspace ${keyspace} in ${dataDirectory}`)
  }
  const own = openDataDirectory(dataDirectory)
  const database = new DatabaseSync(file)
  try {
    const nodes = database.prepare('SELECT * FROM v2_node').all().map(nodeOf)
    const events = database
      .prepare('SELECT * FROM v2_event ORDER BY position')
      .all()
      .map((row): KeptEvent => {
        const rest = database
          .prepare('SELECT event FROM v2_event_part WHERE slot = ? ORDER BY part')
          .all(Number(row['slot']))
        const parts = [row, ...rest].map((part) => part['event'] as Uint8Array)
        return {
          index: Number(row['position']),
          path: textOfBytes(row['path'] as Uint8Array),
          isRefresh: row['silent'] === 1,
          json: new TextDecoder().decode(Buffer.concat(parts)),
        }
      })
    return { nodes: nodes.filter(isKept), events, index: events.at(-1)?.index ?? FIRST_INDEX }
  } finally {
    database.close()
    own.release()
  }
}

type Row = Readonly<Record<string, unknown>>

function nodeOf(row: Row): KeptNode {
  const [parent, name] = [row['parent'], row['name']].map((part) => textOfBytes(part as Uint8Array))
  const { expires, value } = row
  return {
    path: `${parent === '/' ? '' : parent}/${name}`,
    created: Number(row['created']),
    modified: Number(row['modified']),
    expires: expires === null ? undefined : Number(expires),
    value: value === null ? undefined : textOfBytes(value as Uint8Array),
  }
}

/** As `etcdctl backup`, it forgets who was a member. */
function isKept({ path }: KeptNode): boolean {
  return !path.startsWith('/0/')
}

/** A database of etcd's that says how far the log has been carried out, and has nothing else. */
function databaseOf(index: bigint): Iterable<Uint8Array> {
  const parts = [
    { key: partOf(new TextEncoder().encode('consistent_index')), value: partOf(uint64(index)) },
  ]
  const meta: Bucket = { name: 'meta', entries: () => parts, sizes: () => parts }
  const steps = layOut([meta])
  let step = steps.next()
  while (step.done !== true) {
    step = steps.next()
  }
  return fileOf([meta], step.value)
}
