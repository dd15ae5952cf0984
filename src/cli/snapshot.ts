import { ApiClient } from './api-client.ts'
import { clientTable } from './client-flag-table.ts'
import { Failure } from './failure.ts'
import type { FlagsOf } from './flag-spec.ts'
import { parseClientFlags } from './flags.ts'
import { checkedName } from './keyspace-arguments.ts'
import { optionsGiven } from './keyspace.ts'
import { keyspaceFrom, pointGiven, snapshotRestoreTable } from './point-flags.ts'
import { restoreFrom } from './restore-from.ts'
import { shownBytes } from './shown-bytes.ts'
import { listSnapshots, pruneSnapshots, verifySnapshots } from './snapshot-archive.ts'
import { withSnapshotFile } from './snapshot-file.ts'
import { restoreKeyspace } from './snapshot-restore.ts'
import { type Environment, subcommands } from './subcommand.ts'
import { writeOut } from './write-out.ts'

/** `snapshot status|restore|list|verify|prune`: resolves to what is to be printed. Throws Failure. */
export const snapshotCommand = subcommands('snapshot', {
  status,
  restore,
  list: listSnapshots,
  verify: verifySnapshots,
  prune: pruneSnapshots,
})

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

/** From a file, or from what the object store has of a keyspace. */
async function restore(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(snapshotRestoreTable, args, environment)
  const path = flags.from === '' ? onlyFile('restore', operands) : undefined
  if (path === undefined && operands.length > 0) {
    throw new Failure('snapshot restore takes a file, or --from NAME', 2)
  }
  if (flags.keyspace === '') {
    throw new Failure('snapshot restore needs the name of a new keyspace: --keyspace NAME', 2)
  }
  const made = { name: checkedName(flags.keyspace), options: optionsGiven(flags) }
  const api = new ApiClient(flags)
  const keyspace =
    path === undefined
      ? await restoreFrom(api, made, sourceGiven(flags))
      : // The file is read as a whole before anything is asked: one that is damaged makes nothing.
        await withSnapshotFile(path, (found) => restoreKeyspace(api, made, found))
  return writeOut(flags, keyspace, () => `Keyspace ${made.name} restored`)
}

function sourceGiven(flags: FlagsOf<typeof snapshotRestoreTable>): object {
  return {
    keyspace: keyspaceFrom('snapshot restore', flags),
    ...pointGiven(flags),
    ...(flags.generation !== '' && { generation: flags.generation }),
  }
}

function onlyFile(command: string, [path, ...others]: readonly string[]): string {
  if (path === undefined || others.length > 0) {
    throw new Failure(`snapshot ${command} takes the path of one file`, 2)
  }
  return path
}
