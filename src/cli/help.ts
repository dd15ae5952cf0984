import { keyspaceCreateTable, snapshotRestoreTable, tokenCreateTable } from './client-flag-table.ts'
import { type FlagTable, sections } from './flag-spec.ts'
import { bridgeTable, serveTable } from './flag-table.ts'
import { migrateTable } from './migrate/flag-table.ts'

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
  return [keyspaceUsage, flagsText(keyspaceCreateTable)].join('\n')
}

/** The text of `token --help`. */
export function tokenHelpText(): string {
  return [tokenUsage, flagsText(tokenCreateTable)].join('\n')
}

/** The text of `snapshot --help`. */
export function snapshotHelpText(): string {
  return [snapshotUsage, flagsText(snapshotRestoreTable)].join('\n')
}

/** The text of `migrate --help`. */
export function migrateHelpText(): string {
  return [migrateUsage, flagsText(migrateTable)].join('\n')
}

const serveUsage = `Usage:

  npm start -- [flags]
    Start a server. Every flag can also be set by its ETCD_* variable: --data-dir by ETCD_DATA_DIR.

  npm start -- bridge --upstream URL [flags]
    Serve a deployed Worker's keyspace here (see bridge --help).

  npm start -- keyspace create|list|describe|delete [flags]
    Manage the keyspaces of a server or of a deployed Worker (see keyspace --help).

  npm start -- token create|list|revoke [flags]
    Manage the access tokens of a server or of a deployed Worker (see token --help).

  npm start -- snapshot status|restore FILE [flags]
    Look into a snapshot or a database of etcd, or make a keyspace from it (see snapshot --help).

  npm start -- migrate --from URL --keyspace NAME [flags]
    Move a living etcd into a new keyspace (see migrate --help).

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

  npm start -- keyspace delete NAME [flags]
    Delete a keyspace and all that is in it.

Flags of the section Keyspace are for create. Every flag can also be set by its ETCD_* variable:
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

const snapshotUsage = `Usage:

  npm start -- snapshot status FILE [flags]
    Check a file of etcd's, as "etcdctl snapshot save" writes it or a member has it as snap/db, and show
    its hash, revision, keys, size and storage version, as "etcdutl snapshot status" does.

  npm start -- snapshot restore FILE --keyspace NAME [flags]
    Make a new keyspace from such a file. What no flag says is as the deployment has it.

Flags but for --write-out are for restore. Every flag can also be set by its ETCD_* variable:
--token-file by ETCD_TOKEN_FILE.
`

const migrateUsage = `Usage:

  npm start -- migrate --from URL [--to URL] --keyspace NAME [flags]
    Copy a living etcd, follow its changes, and cut over when told: by --cut-over when the copy has caught
    up, else by Enter or by SIGUSR1. At the cut-over the CORRUPT alarm is raised at the source, which refuses
    all writes from then on; it is disarmed where the cut-over fails. What was stopped goes on when it is
    run again.

Every flag can also be set by its ETCD_* variable: --from-user by ETCD_FROM_USER.
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
