import { FIRST_ID } from './change-id.ts'
import { crc32c } from './crc32c.ts'
import {
  changesWith,
  FIRST_TOMBSTONE_OF,
  scannedKey,
  SELECT_HEAD,
  SELECT_HEAD_BEFORE,
  SHORT_LOG_VALUE,
} from './log.ts'
import { packed, type PieceOf, type ScannedRow } from './packed-rows.ts'
import { numberOf, type Sql } from './sql.ts'
import type { Revision } from './types.ts'

const SELECT_LIVES_ANY = `
SELECT EXISTS (SELECT 1 FROM current WHERE create_revision <= ?) OR EXISTS (
  SELECT 1 FROM log INDEXED BY log_tombstone
  WHERE version = 0 AND id >= ${FIRST_ID} AND create_revision <= ?)`

/** Of rows up to a revision, mostly those of keys that have not changed since, it says so. */
export const SELECT_HASHED = packed(
  changesWith(
    'key',
    SHORT_LOG_VALUE,
    `CASE WHEN id < ${FIRST_ID} THEN
EXISTS (SELECT 1 FROM current WHERE current.key = log.key AND current.id = log.id) END AS is_current`,
  ),
  ['is_current'],
)

export interface HashKv {
  readonly hash: number
  readonly compactRevision: Revision
  readonly hashRevision: Revision
}

export interface HashScope {
  readonly revision: Revision
  readonly compactRevision: Revision
  /** Whether a compaction at `revision` keeps any row: etcd skips superseded ones only then. */
  readonly keeps: boolean
}

/** What HashKV hashes; it speaks of the keys that live at the revision. */
export function hashScope(sql: Sql, revision: Revision, compactRevision: Revision): HashScope {
  const lives = sql.first(SELECT_LIVES_ANY, revision, revision + 1, revision)
  return { revision, compactRevision, keeps: lives?.[0] === 1 }
}

/** Rows of `SELECT_HASHED`, behind one of them. */
export function hashedBehind({ revision, compactRevision }: HashScope): PieceOf<ScannedRow> {
  return (last, count) => {
    const { main, sub } = last ?? { main: 0, sub: 0 }
    return [SELECT_HASHED, compactRevision + 1, main, sub, revision + 1, count]
  }
}

/** Whether the row counts, as far as that can be said without a look at others of its key. */
export function isHashedAnyway(
  { main, version }: Pick<ScannedRow, 'main' | 'version'>,
  isCurrent: boolean,
  { compactRevision }: HashScope,
): boolean | undefined {
  if (main > compactRevision) {
    return true
  }
  return version === 0 ? false : isCurrent || undefined
}

/** Rows at or below the compacted revision count only while a reader can still see them. */
export function isSeen(sql: Sql, row: ScannedRow, scope: HashScope): boolean {
  return standsAt(sql, row, scope.keeps ? scope.revision : scope.compactRevision)
}

/** Whether the row is its key's version at the revision: the last of its generation up to it. */
function standsAt(sql: Sql, row: ScannedRow, revision: Revision): boolean {
  const key = scannedKey(sql, row)
  const current = sql.first(SELECT_HEAD, key)
  const lives = current !== undefined && current[1] === row.createRevision
  const head = lives ? current : sql.first(FIRST_TOMBSTONE_OF, key, row.createRevision)
  if (head === undefined || (!lives && numberOf(head[2]) <= revision)) {
    return false
  }
  const version = sql.first(SELECT_HEAD_BEFORE, numberOf(head[2]), numberOf(head[5]), revision + 1)
  return version !== undefined && version[2] === row.main && version[5] === row.sub
}

/** "key", the name of etcd's bucket. */
/** Of the bucket's name, with which each hash begins. */
export const BUCKET_SUM = crc32c(Uint8Array.of(0x6b, 0x65, 0x79))
