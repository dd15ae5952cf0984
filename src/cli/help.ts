import { type FlagName, flagTable, sections } from './flags.ts'

/** The text of `--help`: etcd's layout, from the table of flags. */
export function helpText(): string {
  return [usage, ...sections.map(sectionText)].join('\n')
}

const usage = `Usage:

  npm start -- [flags]
    Start a server. Every flag can also be set by its ETCD_* variable: --data-dir by ETCD_DATA_DIR.

  npm start -- --version
    Show the version.

  npm start -- -h | --help
    Show this help.
`

function sectionText(section: (typeof sections)[number]): string {
  const names = (Object.keys(flagTable) as FlagName[]).filter(
    (name) => flagTable[name].section === section,
  )
  return [`${section}:`, ...names.map(flagText), ''].join('\n')
}

function flagText(name: FlagName): string {
  const spec = flagTable[name]
  const fallback = 'fallbackShown' in spec ? spec.fallbackShown : spec.fallback
  return `  --${name} '${fallback}'\n    ${spec.help}`
}
