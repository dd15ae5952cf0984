import type * as z from 'zod'

/** Sections of `--help`, in etcd's order. */
export const sections = [
  'Member',
  'Clustering',
  'Security',
  'Auth',
  'Profiling and Monitoring',
  'Logging',
  'Distributed tracing',
  'Features',
  'Unsafe feature',
  'Snapshots',
  'Source',
  'Migration',
  'Keyspace',
  'Replica',
  'Token',
  'Client',
] as const

export interface FlagSpec {
  readonly section: (typeof sections)[number]
  /** The value when nothing gives one, as one would type it. */
  readonly fallback: string
  /** Shown by `--help` in place of a fallback that depends on other flags. */
  readonly fallbackShown?: string
  /** One letter that says the same. */
  readonly short?: string
  readonly help: string
  readonly schema: z.ZodType<unknown, string>
  /** May be typed several times; the values are joined by a space. */
  readonly repeatable?: true
  /** The Worker's variable; absent for a flag that concerns this process alone. */
  readonly binding?: string
  /** How a configuration file writes it; absent for a string. */
  readonly fileType?: 'boolean' | 'number' | 'nanoseconds' | 'list' | 'words'
  /** The section of a configuration file that it stands in, and its name there. */
  readonly fileKey?: readonly [section: string, key: string]
}

export type FlagTable = Readonly<Record<string, FlagSpec>>

/** What a table's flags hold once parsed. */
export type FlagsOf<Table extends FlagTable> = {
  readonly [Name in keyof Table]: z.output<Table[Name]['schema']>
}
