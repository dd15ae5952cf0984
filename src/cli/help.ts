import { backupTable, replicaPromoteTable, tokenCreateTable } from './client-flag-table.ts'
import { type FlagTable, sections } from './flag-spec.ts'
import { bridgeTable, serveTable } from './flag-table.ts'
import { diffTable, getTable } from './history-flags.ts'
import { labTable } from './lab-flags.ts'
import { migrateTable } from './migrate/flag-table.ts'
import { forkTable, snapshotRestoreTable, snapshotTable } from './point-flags.ts'

/** The text of `--help`: etcd's layout, from the table of flags. */
export function helpText(): string {
  return [serveUsage, flagsText(serveTable)].join('\n')
}

/** The text of `bridge --help`. */
export function bridgeHelpText(): string {
  return [bridgeUsage, flagsText(bridgeTable)].join('\n')
}

/** The text of `keyspace --help`. */
export function keyspaceHelpText(): string {
  return [keyspaceUsage, flagsText({ ...forkTable, ...replicaPromoteTable })].join('\n')
}

/** The text of `token --help`. */
export function tokenHelpText(): string {
  return [tokenUsage, flagsText(tokenCreateTable)].join('\n')
}

/** The text of `snapshot --help`. */
export function snapshotHelpText(): string {
  return [snapshotUsage, flagsText({ ...snapshotTable, ...snapshotRestoreTable })].join('\n')
}

/** The text of `get --help`. */
export function getHelpText(): string {
  return [getUsage, flagsText(getTable)].join('\n')
}

/** The text of `diff --help`. */
export function diffHelpText(): string {
  return [diffUsage, flagsText(diffTable)].join('\n')
}

export function backupHelpText(): string {
  return [backupUsage, flagsText(backupTable)].join('\n')
}

/** The text of `migrate --help`. */
export function migrateHelpText(): string {
  return [migrateUsage, flagsText(migrateTable)].join('\n')
}

/** The text of `lab --help`. */
export function labHelpText(): string {
  return [labUsage, flagsText(labTable)].join('\n')
}

const serveUsage = `Usage:

  npm start -- [flags]
    Start a server. Every flag can also be set by its ETCD_* variable: --data-dir by ETCD_DATA_DIR.

  npm start -- bridge --upstream URL [flags]
    Serve a deployed Worker's keyspace here (see bridge --help).

  npm start -- keyspace create|list|describe|update|fork|delete|replica [flags]
    Manage the keyspaces of a server or of a deployed Worker (see keyspace --help).

  npm start -- token create|list|revoke [flags]
    Manage the access tokens of a server or of a deployed Worker (see token --help).

  npm start -- snapshot status|restore|list|verify|prune [flags]
    Look into a snapshot or a database of etcd, make a keyspace from it or from what the object store has,
    and look after that (see snapshot --help).

  npm start -- get KEY --at TIME | --rev REVISION [flags]
    Show what a key was (see get --help).

  npm start -- diff PREFIX --from POINT [--to POINT] [flags]
    Show what became of keys between two points in time (see diff --help).

  npm start -- migrate --from URL --keyspace NAME [flags]
    Move a living etcd into a new keyspace (see migrate --help).

  npm start -- backup --data-dir DIRECTORY --backup-dir DIRECTORY
    Write the v2 store as a directory that etcd 3.4 starts on (see backup --help).

  npm start -- lab [flags]
    Show a leader and its replicas in a browser, with the distances between regions (see lab --help).

  npm start -- --version
    Show the version.

  npm start -- -h | --help
    Show this help.
`

const bridgeUsage = `Usage:

  npm start -- bridge --upstream URL [flags]
    Serve the keyspace of a deployed Worker on local client URLs. Every flag can also be set by its
    ETCD_* variable: --token-file by ETCD_TOKEN_FILE.
`

const keyspaceUsage = `Usage:

  npm start -- keyspace create NAME [flags]
    Create a keyspace. What no flag says is as the deployment has it.

  npm start -- keyspace list [flags]
    List the keyspaces.

  npm start -- keyspace describe NAME [flags]
    Show what a keyspace was created with.

  npm start -- keyspace update NAME --enable-v2[=true|false|default] [flags]
    Change what may change of a keyspace, which serves on meanwhile.

  npm start -- keyspace fork NAME --from KEYSPACE [--revision REVISION | --time TIME] [flags]
    Make a copy of a keyspace under a new name: of now, or as it was. Of a revision that is not compacted
    yet, leases, users and access tokens are those of now. What no flag says is as in the keyspace.

  npm start -- keyspace delete NAME [flags]
    Delete a keyspace and all that is in it.

  npm start -- keyspace replica add|remove NAME --region REGION [flags]
    Make a replica of a keyspace in another region, or remove it.

  npm start -- keyspace replica list NAME [flags]
    List who leads a keyspace and its replicas: what they do, their revision, and how far they are behind.

  npm start -- keyspace replica promote NAME --region REGION [--force] [flags]
    Move the leader of a keyspace to a replica. With --force also if the leader does not answer, and without
    --region to the replica that has the most: what only the leader had is lost.

Flags of the section Keyspace are for create and fork, --enable-v2 for update too, those of Snapshots for fork. Every flag can also be set by its ETCD_* variable:
--token-file by ETCD_TOKEN_FILE.
`

const tokenUsage = `Usage:

  npm start -- token create [--keyspace NAME] [flags]
    Create an access token, and print it. It cannot be shown again.

  npm start -- token list [--keyspace NAME] [flags]
    List the access tokens of a keyspace, or the administrators'.

  npm start -- token revoke ID [--keyspace NAME] [flags]
    Revoke an access token, and end what is open by it.

Flags of the section Token are for create, but for --keyspace. Every flag can also be set by its
ETCD_* variable: --token-file by ETCD_TOKEN_FILE.
`

const backupUsage = `Usage:

  npm start -- backup --data-dir DIRECTORY --backup-dir DIRECTORY [flags]
    Write the v2 store of a server's data directory, users and history included, and with --with-v3 the
    keys of v3 too, as a directory that etcd 3.4 starts on: etcd --enable-v2 --force-new-cluster
    --data-dir BACKUP_DIR. The server has to be stopped.
`

const snapshotUsage = `Usage:

  npm start -- snapshot status FILE [flags]
    Check a file of etcd's, as "etcdctl snapshot save" writes it or a member has it as snap/db, and show
    its hash, revision, keys, size and storage version, as "etcdutl snapshot status" does.

  npm start -- snapshot restore FILE --keyspace NAME [flags]
    Make a new keyspace from such a file. What no flag says is as the deployment has it.

  npm start -- snapshot restore --from KEYSPACE --keyspace NAME [--revision REVISION | --time TIME] [flags]
    Make a new keyspace from what the object store has of one, be that there still or not: the latest, or
    as it was. What no flag says is as in that keyspace.

  npm start -- snapshot list --from KEYSPACE [flags]
    List the points in time that a keyspace can be restored at.

  npm start -- snapshot verify --from KEYSPACE [flags]
    Read all of it back: checksums, gaps, and the hash of each full snapshot.

  npm start -- snapshot prune --from KEYSPACE [--dry-run] [flags]
    Delete what is older than the retention: all revisions of 24 hours, one full snapshot for each of 7 days
    and of 4 weeks. The keyspace does so by itself after each full snapshot.

Flags of the section Keyspace are for restore. Every flag can also be set by its ETCD_* variable:
--token-file by ETCD_TOKEN_FILE.
`

const getUsage = `Usage:

  npm start -- get KEY [--at TIME | --rev REVISION] [--prefix] [flags]
    Show what a key was, below the compacted revision too, and of a keyspace that is deleted: as far as the
    object store reaches back.

Every flag can also be set by its ETCD_* variable: --token-file by ETCD_TOKEN_FILE.
`

const diffUsage = `Usage:

  npm start -- diff PREFIX --from POINT [--to POINT] [flags]
    Show the keys that differ between two points in time. A point is a revision, a time or a duration: what
    was is marked by -, what is by +.

Every flag can also be set by its ETCD_* variable: --token-file by ETCD_TOKEN_FILE.
`

const migrateUsage = `Usage:

  npm start -- migrate --from URL [--to URL] --keyspace NAME [flags]
    Copy a living etcd, follow its changes, and cut over when told: by --cut-over when the copy has caught
    up, else by Enter or by SIGUSR1. At the cut-over the CORRUPT alarm is raised at the source, which refuses
    all writes from then on; it is disarmed where the cut-over fails. What was stopped goes on when it is
    run again.

Every flag can also be set by its ETCD_* variable: --from-user by ETCD_FROM_USER.
`

const labUsage = `Usage:

  npm start -- lab [--regions weur,enam,apac] [--rtt weur-apac=250] [flags]
    A leader and its replicas on this machine, as far apart as the regions are, with clients in each; a page
    shows what they see, and can cut, slow and stop regions. Nothing is kept. Every flag can also be set by
    its ETCD_* variable: --regions by ETCD_REGIONS.
`

function flagsText(table: FlagTable): string {
  return sections
    .map((section) => sectionText(section, table))
    .filter((text) => text !== '')
    .join('\n')
}

function sectionText(section: (typeof sections)[number], table: FlagTable): string {
  const flags = Object.entries(table).filter(([, spec]) => spec.section === section)
  const texts = flags.map(
    ([name, spec]) =>
      `  --${name}${spec.short === undefined ? '' : `, -${spec.short}`} '${spec.fallbackShown ?? spec.fallback}'\n    ${spec.help}`,
  )
  return texts.length === 0 ? '' : [`${section}:`, ...texts, ''].join('\n')
}
