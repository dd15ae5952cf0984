import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isKeyspaceName } from '../config/keyspace-name.ts'
import { DurableObjectIds } from '../host/durable-object-id.ts'
import { textOfBytes } from '../protocol/byte-text.ts'
import { type KeptEvent, type KeptNode, v2StoreJson } from '../snapshot/v2-store-json.ts'
import { raftSnapshotFile, raftSnapshotName, walFile, walFileName } from '../snapshot/wal-file.ts'
import { writeEmptyDatabase, writeV3Database } from './backup-database.ts'
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
 * `backup`: writes the v2 store of a data directory, and where it is told so the keys of v3, as a directory
 * that etcd 3.4 starts on, with `--force-new-cluster` as behind `etcdctl backup`. Resolves to what is to be printed. Throws Failure.
 */
export async function backupCommand(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, operands } = parseClientFlags(backupTable, args, environment)
  if (operands.length > 0 || flags['data-dir'] === '' || flags['backup-dir'] === '') {
    throw new Failure('backup takes --data-dir DIRECTORY and --backup-dir DIRECTORY', 2)
  }
  const stored = fileOfKeyspace(flags['data-dir'], flags.keyspace)
  const own = openDataDirectory(flags['data-dir'])
  try {
    const snapshots = join(flags['backup-dir'], 'member', 'snap')
    const log = flags['backup-wal-dir'] || join(flags['backup-dir'], 'member', 'wal')
    if (existsSync(log)) {
      throw new Failure(`${log} is there already`)
    }
    mkdirSync(snapshots, { recursive: true, mode: 0o700 })
    const source = { directory: own.path, keyspace: flags.keyspace }
    const database = join(snapshots, 'db')
    const v3Index = flags['with-v3'] ? await writeV3Database(source, database) : undefined
    const { nodes, events, index } = storeIn(stored)
    const place = { index: v3Index ?? BigInt(index), term: TERM }
    if (v3Index === undefined) {
      writeEmptyDatabase(place.index, database)
    }
    const state = new TextEncoder().encode(v2StoreJson(nodes, events, index))
    writeFileSync(join(snapshots, raftSnapshotName(place)), raftSnapshotFile(state, place))
    mkdirSync(log, { recursive: true, mode: 0o700 })
    const [nodeId = 1n, clusterId = 1n] = crypto.getRandomValues(new BigUint64Array(2))
    writeFileSync(join(log, walFileName), walFile({ nodeId, clusterId }, place))
    const v3 = v3Index === undefined ? '' : `, and the keys of v3 at revision ${v3Index}`
    return `${nodes.length} nodes and ${events.length} events of the v2 store at index ${index}${v3}`
  } finally {
    own.release()
  }
}

interface StoredV2 {
  readonly nodes: readonly KeptNode[]
  readonly events: readonly KeptEvent[]
  readonly index: number
}

/** The database of the keyspace's object. Throws Failure. */
function fileOfKeyspace(dataDirectory: string, keyspace: string): string {
  if (!isKeyspaceName(keyspace)) {
    throw new Failure(`${keyspace} is no name of a keyspace`, 2)
  }
  const id = new DurableObjectIds(shardUniqueKey).fromName(keyspace).toString()
  const file = join(dataDirectory, 'shard', shardUniqueKey, `${id}.sqlite`)
  if (!existsSync(file)) {
    throw new Failure(`there is no keyspace ${keyspace} in ${dataDirectory}`)
  }
  return file
}

function storeIn(file: string): StoredV2 {
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
