import { clientTable } from './client-flag-table.ts'
import * as schemas from './flag-schemas.ts'
import type { FlagTable } from './flag-spec.ts'
import { pointTable } from './point-flags.ts'

const keyspace = {
  section: 'Snapshots',
  fallback: 'default',
  help: 'Name of the keyspace. It need not exist any more.',
  schema: schemas.text,
} as const

/** The flags of `get`. */
export const getTable = {
  keyspace,
  'at': {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: 'now',
    help: 'A time such as 2026-11-29T10:00:00Z, or how long ago: 1h30m.',
    schema: schemas.text,
  },
  'rev': {
    section: 'Snapshots',
    fallback: '',
    help: 'In place of --at a revision.',
    schema: schemas.countingNumberOrNone,
  },
  'prefix': {
    section: 'Snapshots',
    fallback: 'false',
    help: 'Get all keys that begin with the key.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'print-value-only': {
    section: 'Snapshots',
    fallback: 'false',
    help: 'Write values without their keys.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'generation': pointTable.generation,
  ...clientTable,
} as const satisfies FlagTable

/** The flags of `diff`. */
export const diffTable = {
  keyspace,
  from: {
    section: 'Snapshots',
    fallback: '',
    help: 'The earlier point: a revision, a time such as 2026-11-29T10:00:00Z, or how long ago: 1h30m.',
    schema: schemas.text,
  },
  to: {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: 'now',
    help: 'The later point, as --from.',
    schema: schemas.text,
  },
  generation: pointTable.generation,
  ...clientTable,
} as const satisfies FlagTable
