import { describe, expect, it } from 'vitest'
import {
  DELETE_REPLACED,
  DELETE_REPLACED_PARTS,
  DELETE_TOMBSTONES,
  SELECT_COMPACTION,
  SELECT_SLICE_END,
  SELECT_TOMBSTONE_AT,
} from '../../src/mvcc/compaction.ts'
import { SELECT_HASHED } from '../../src/mvcc/hash.ts'
import { COUNT_UP_TO, COUNT_UP_TO_OPEN, SELECT_KEY_AT_OFFSET } from '../../src/mvcc/key-count.ts'
import {
  COUNT_CURRENT,
  COUNT_CURRENT_OPEN,
  DELETE_CURRENT,
  FIRST_TOMBSTONE_OF,
  scanCurrent,
  type ScanKind,
  scanTombstones,
  SELECT_CHANGE_SIZES,
  SELECT_CHANGES,
  SELECT_CURRENT,
  SELECT_EVENTS,
  SELECT_EVENTS_OPEN,
  SELECT_HEAD,
  SELECT_HEAD_BEFORE,
  SELECT_LAST_REVISION,
  SELECT_LEASED_KEYS,
  SELECT_REPLACED,
  SELECT_LEASED_KEYS_AFTER,
  COUNT_LEASED,
  SELECT_LOG_KEY,
  SELECT_LOG_VALUE,
  SELECT_LOGGED,
  SELECT_LOGGED_HEAD,
  SELECT_VERSION_BEFORE,
} from '../../src/mvcc/log.ts'
import { SELECT_PARTS } from '../../src/mvcc/value-parts.ts'
import {
  COUNT_DEAD,
  COUNT_DEAD_OPEN,
  COUNT_GROWTH,
  COUNT_GROWTH_OPEN,
  COUNT_OLD,
  COUNT_OLD_OPEN,
} from '../../src/mvcc/versions.ts'
import {
  DELETE_LEASED,
  FIRST_KEY,
  FIRST_KEY_OPEN,
  FIRST_LEASED_KEY,
  INSERT_LEASED_TOMBSTONES,
  INSERT_TOMBSTONES,
  INSERT_TOMBSTONES_OPEN,
  MASS_DELETE,
  MASS_DELETE_OPEN,
} from '../../src/mvcc/write.ts'
import { openNodeSql } from './node-sql.ts'

const KEY = 'SEARCH current USING PRIMARY KEY (key=?)'
const KEYS = 'SEARCH current USING PRIMARY KEY (key>? AND key<?)'
const KEYS_OPEN = 'SEARCH current USING PRIMARY KEY (key>?)'
const ID = 'SEARCH log USING INTEGER PRIMARY KEY (rowid=?)'
const IDS = 'SEARCH log USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'
const IDS_OPEN = 'SEARCH log USING INTEGER PRIMARY KEY (rowid>?)'
const LEASED = 'SEARCH current USING INDEX current_lease (lease=?)'
const PARTS = 'SEARCH value_part USING INDEX value_part_log (log_id=?)'
const DEAD = 'SEARCH log USING INDEX log_tombstone (key>? AND key<?)'
const DEAD_OPEN = 'SEARCH log USING INDEX log_tombstone (key>?)'

const KINDS: readonly ScanKind[] = ['heads', 'values']
const DIRECTIONS = [false, true]

/** Every statement of a request or of a slice, and the searches of tables that it may make. */
const PLANS: [name: string, statement: string, searches: readonly string[]][] = [
  ['SELECT_CURRENT', SELECT_CURRENT, [KEY, ID]],
  ['SELECT_HEAD', SELECT_HEAD, [KEY]],
  ['DELETE_CURRENT', DELETE_CURRENT, [KEY]],
  ['SELECT_LOG_VALUE', SELECT_LOG_VALUE, [ID]],
  ['SELECT_LOGGED', SELECT_LOGGED, [ID]],
  ['SELECT_LOGGED_HEAD', SELECT_LOGGED_HEAD, [ID]],
  ['SELECT_VERSION_BEFORE', SELECT_VERSION_BEFORE, [ID, ID]],
  ['SELECT_HEAD_BEFORE', SELECT_HEAD_BEFORE, [ID, ID]],
  ['SELECT_CHANGES', SELECT_CHANGES, [IDS]],
  ['SELECT_HASHED', SELECT_HASHED, [IDS, KEY]],
  ['SELECT_LOG_KEY', SELECT_LOG_KEY, [ID]],
  ['SELECT_CHANGE_SIZES', SELECT_CHANGE_SIZES, [IDS, PARTS]],
  ['SELECT_PARTS', SELECT_PARTS, [PARTS]],
  ['SELECT_REPLACED', SELECT_REPLACED, [IDS.replace('log', 'change'), ID]],
  ['SELECT_EVENTS', SELECT_EVENTS, [IDS]],
  ['SELECT_EVENTS_OPEN', SELECT_EVENTS_OPEN, [IDS]],
  ['SELECT_LAST_REVISION', SELECT_LAST_REVISION, ['SEARCH log']],
  [
    'SELECT_LEASED_KEYS',
    SELECT_LEASED_KEYS,
    ['SEARCH current USING COVERING INDEX current_lease (lease=?)'],
  ],
  [
    'SELECT_LEASED_KEYS_AFTER',
    SELECT_LEASED_KEYS_AFTER,
    ['SEARCH current USING COVERING INDEX current_lease (lease=? AND key>?)'],
  ],
  ['COUNT_LEASED', COUNT_LEASED, ['SEARCH current USING COVERING INDEX current_lease (lease=?)']],
  [
    'FIRST_LEASED_KEY',
    FIRST_LEASED_KEY,
    ['SEARCH current USING COVERING INDEX current_lease (lease=?)'],
  ],
  ['FIRST_KEY', FIRST_KEY, [KEYS]],
  ['FIRST_KEY_OPEN', FIRST_KEY_OPEN, [KEYS_OPEN]],
  ['FIRST_TOMBSTONE_OF', FIRST_TOMBSTONE_OF, ['SEARCH log USING INDEX log_tombstone (key=?)']],
  ['COUNT_CURRENT', COUNT_CURRENT, [KEYS]],
  ['COUNT_CURRENT_OPEN', COUNT_CURRENT_OPEN, [KEYS_OPEN]],
  ['COUNT_UP_TO', COUNT_UP_TO, [KEYS]],
  ['COUNT_UP_TO_OPEN', COUNT_UP_TO_OPEN, [KEYS_OPEN]],
  ['SELECT_KEY_AT_OFFSET', SELECT_KEY_AT_OFFSET, [KEYS_OPEN]],
  ['COUNT_OLD', COUNT_OLD, [KEYS]],
  ['COUNT_OLD_OPEN', COUNT_OLD_OPEN, [KEYS_OPEN]],
  ['COUNT_DEAD', COUNT_DEAD, [DEAD]],
  ['COUNT_DEAD_OPEN', COUNT_DEAD_OPEN, [DEAD_OPEN]],
  ['COUNT_GROWTH', COUNT_GROWTH, [IDS_OPEN]],
  ['COUNT_GROWTH_OPEN', COUNT_GROWTH_OPEN, [IDS_OPEN]],
  [
    'SELECT_COMPACTION',
    SELECT_COMPACTION,
    ['SEARCH compaction USING INTEGER PRIMARY KEY (rowid=?)'],
  ],
  ['SELECT_SLICE_END', SELECT_SLICE_END, [IDS]],
  ['SELECT_TOMBSTONE_AT', SELECT_TOMBSTONE_AT, [IDS]],
  ['DELETE_REPLACED', DELETE_REPLACED, [ID, IDS]],
  [
    'DELETE_REPLACED_PARTS',
    DELETE_REPLACED_PARTS,
    ['SEARCH value_part USING COVERING INDEX value_part_log (log_id=?)', IDS],
  ],
  ['DELETE_TOMBSTONES', DELETE_TOMBSTONES, [IDS]],
  ['INSERT_TOMBSTONES', INSERT_TOMBSTONES, [KEYS]],
  ['INSERT_TOMBSTONES_OPEN', INSERT_TOMBSTONES_OPEN, [KEYS_OPEN]],
  ['INSERT_LEASED_TOMBSTONES', INSERT_LEASED_TOMBSTONES, [LEASED]],
  ['DELETE_LEASED', DELETE_LEASED, [LEASED]],
  ['MASS_DELETE', MASS_DELETE, [KEYS]],
  ['MASS_DELETE_OPEN', MASS_DELETE_OPEN, [KEYS_OPEN]],
  ...DIRECTIONS.flatMap((descending): typeof PLANS => [
    ...KINDS.flatMap((kind): typeof PLANS => {
      const values = kind === 'values' ? [ID] : []
      const name = `scanCurrent(${kind}, ${descending ? 'descending' : 'ascending'}`
      return [
        [`${name}, bounded)`, scanCurrent(kind, false, descending), [KEYS, ...values]],
        [`${name}, open)`, scanCurrent(kind, true, descending), [KEYS_OPEN, ...values]],
      ]
    }),
    [`scanTombstones(bounded, ${descending})`, scanTombstones(false, descending), [DEAD]],
    [`scanTombstones(open, ${descending})`, scanTombstones(true, descending), [DEAD_OPEN]],
  ]),
]

describe('[SQL8] hot statements search by a primary key or a partial index and sort nothing', () => {
  const sql = openNodeSql()

  it.each(PLANS)('%s', (_, statement, searches) => {
    const steps = sql.explain(statement).split('\n')
    expect(steps.filter((step) => /^SEARCH (?!chain)/.test(step))).toEqual(searches)
    // What may be scanned is one row, and what a search of the same statement yields.
    const yielded = /^SCAN (chain|\(subquery-\d+\)|CONSTANT ROW)$/
    expect(steps.filter((step) => step.startsWith('SCAN') && !yielded.test(step))).toEqual([])
    expect(steps.filter((step) => step.includes('TEMP B-TREE'))).toEqual([])
  })
})

it('[SQL10] no hot statement takes a bare number of rows, for which SQLite would compile it anew', () => {
  const bare = PLANS.filter(([, statement]) => /LIMIT \?(?! \+ 0)/.test(statement))
  expect(bare.map(([name]) => name)).toEqual([])
})
