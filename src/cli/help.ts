import { bridgeTable, type FlagTable, sections, serveTable } from './flag-table.ts'

/** The text of `--help`: etcd's layout, from the table of flags. */
export function helpText(): string {
  return [serveUsage, flagsText(serveTable)].join('\n')
}

/** The text of `bridge --help`. */
export function bridgeHelpText(): string {
  return [bridgeUsage, flagsText(bridgeTable)].join('\n')
}

const serveUsage = `Usage:

  npm start -- [flags]
    Start a server. Every flag can also be set by its ETCD_* variable: --data-dir by ETCD_DATA_DIR.

  npm start -- bridge --upstream URL [flags]
    Serve a deployed Worker's keyspace here (see bridge --help).

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

function flagsText(table: FlagTable): string {
  return sections
    .map((section) => sectionText(section, table))
    .filter((text) => text !== '')
    .join('\n')
}

function sectionText(section: (typeof sections)[number], table: FlagTable): string {
  const flags = Object.entries(table).filter(([, spec]) => spec.section === section)
  const texts = flags.map(
    ([name, spec]) => `  --${name} '${spec.fallbackShown ?? spec.fallback}'\n    ${spec.help}`,
  )
  return texts.length === 0 ? '' : [`${section}:`, ...texts, ''].join('\n')
}
