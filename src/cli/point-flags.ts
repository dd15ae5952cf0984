import { parseDuration } from '../config/duration.ts'
import { keyspaceName } from '../config/keyspace-name.ts'
import { clientTable, keyspaceCreateTable } from './client-flag-table.ts'
import { Failure } from './failure.ts'
import * as schemas from './flag-schemas.ts'
import type { FlagsOf, FlagTable } from './flag-spec.ts'

const generation = {
  section: 'Snapshots',
  fallback: '',
  fallbackShown: 'the latest',
  help: 'When the keyspace was made that is meant, as snapshot list has it: an earlier one of the same name.',
  schema: schemas.countingNumberOrNone,
} as const

/** The flags of commands that read what a keyspace was. */
export const pointTable = {
  from: {
    section: 'Snapshots',
    fallback: '',
    help: 'Name of the keyspace whose snapshots are meant.',
    schema: schemas.text,
  },
  revision: {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: 'the latest',
    help: 'Revision that is restored.',
    schema: schemas.countingNumberOrNone,
  },
  time: {
    section: 'Snapshots',
    fallback: '',
    help: 'In place of --revision a time such as 2026-11-29T10:00:00Z, or how long ago: 1h30m.',
    schema: schemas.text,
  },
  generation,
} as const satisfies FlagTable

/** The flags of `snapshot restore`. */
export const snapshotRestoreTable = {
  'keyspace': {
    section: 'Keyspace',
    fallback: '',
    help: 'Name of the keyspace that is made.',
    schema: schemas.text,
  },
  ...pointTable,
  'bump-revision': {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: 'not at all',
    help: 'How much the revision is raised behind what is restored. Needs --mark-compacted.',
    schema: schemas.countingNumberOrNone,
  },
  'mark-compacted': {
    section: 'Snapshots',
    fallback: 'false',
    help: 'Marks all before the raised revision compacted. Needs --bump-revision.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  ...keyspaceCreateTable,
} as const satisfies FlagTable

/** The flags of `keyspace fork`. */
export const forkTable = { ...pointTable, ...keyspaceCreateTable } as const satisfies FlagTable

/** The flags of `snapshot list`, `verify` and `prune`. */
export const snapshotTable = {
  'from': pointTable.from,
  generation,
  'dry-run': {
    section: 'Snapshots',
    fallback: 'false',
    help: 'Of prune: delete nothing, and say what would go.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  ...clientTable,
} as const satisfies FlagTable

/** What a command is given for a point. */
type PointFlags = Pick<FlagsOf<typeof pointTable>, 'revision' | 'time'>

/** A point as the API has it: the latest one where nothing is given. Throws Failure. */
export function pointGiven({ revision, time }: PointFlags): {
  readonly revision?: number
  readonly time?: string
} {
  if (revision !== '' && time !== '') {
    throw new Failure('--revision and --time are two ways to say the same: give one', 2)
  }
  return {
    ...(revision !== '' && { revision }),
    ...(time !== '' && { time: timeGiven(time, Date.now()) }),
  }
}

/** RFC 3339; also of a duration before `now`, in ms since 1970. Throws Failure. */
export function timeGiven(text: string, now: number): string {
  const ago = parseDuration(text)
  const time = ago === undefined ? timeIn(text) : now - ago
  if (time === undefined || (ago !== undefined && ago < 0)) {
    throw new Failure(
      `"${text}" is no time: give one such as 2026-11-29T10:00:00Z, or how long ago: 1h30m`,
      2,
    )
  }
  return new Date(time).toISOString()
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function timeIn(text: string): number | undefined {
  const time = RFC_3339.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(time) ? undefined : time
}

/** Throws Failure. */
export function keyspaceFrom(command: string, { from }: { readonly from: string }): string {
  if (from === '') {
    throw new Failure(`${command} needs the name of a keyspace: --from NAME`, 2)
  }
  const problem = keyspaceName.safeParse(from).error?.issues[0]?.message
  if (problem !== undefined) {
    throw new Failure(`invalid keyspace name "${from}": ${problem}`, 2)
  }
  return from
}
