import { ApiClient } from './api-client.ts'
import { clientTable, snapshotRestoreTable } from './client-flag-table.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { checkedName, optionsGiven } from './keyspace.ts'
import { withSnapshotFile } from './snapshot-file.ts'
import { restoreKeyspace } from './snapshot-restore.ts'
import { type Environment, subcommands } from './subcommand.ts'
import { writeOut } from './write-out.ts'

/** `snapshot status|restore`: resolves to what is to be printed. Throws Failure. */
export const snapshotCommand = subcommands('snapshot', { status, restore })

/** The same as `etcdutl snapshot status`, and as it is written there. */
async function status(args: readonly string[], environment: Environment): Promise<string> {
  const table = { 'write-out': clientTable['write-out'] }
  const { flags, operands } = parseClientFlags(table, args, environment)
  return withSnapshotFile(onlyFile('status', operands), ({ status: found }) => {
    const { hash, revision, totalKey, totalSize, version } = found
    return writeOut(flags, { hash, revision, totalKey, totalSize, version }, () =>
      [hash.toString(16), revision, totalKey, shownBytes(totalSize), version].join(', '),
    )
  })
}

/** The file is read as a whole before anything is asked: one that is damaged makes nothing. */
async function restore(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(snapshotRestoreTable, args, environment)
  const path = onlyFile('restore', operands)
  if (flags.keyspace === '') {
    throw new Failure('snapshot restore needs the name of a new keyspace: --keyspace NAME', 2)
  }
  const made = { name: checkedName(flags.keyspace), options: optionsGiven(flags) }
  const api = new ApiClient(flags)
  return withSnapshotFile(path, async (found) => {
    const keyspace = await restoreKeyspace(api, made, found)
    return writeOut(flags, keyspace, () => `Keyspace ${made.name} restored`)
  })
}

function onlyFile(command: string, [path, ...others]: readonly string[]): string {
  if (path === undefined || others.length > 0) {
    throw new Failure(`snapshot ${command} takes the path of one file`, 2)
  }
  return path
}

/** As Go's go-humanize writes a size, which etcdutl uses: 83 MB. */
function shownBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = Math.floor((bytes / 1000 ** power) * 10 + 0.5) / 10
  return `${value < 10 && power > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[power]}`
}
