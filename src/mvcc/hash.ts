import { FIRST_ID } from './change-id.ts'
import { crc32c } from './crc32c.ts'
import {
  changesWith,
  FIRST_TOMBSTONE_OF,
  scannedKey,
  scannedVersion,
  SELECT_HEAD,
  SELECT_HEAD_BEFORE,
  SHORT_LOG_VALUE,
} from './log.ts'
import { EVERYTHING, packed, type PieceOf, type ScannedRow, scanPacked } from './packed-rows.ts'
import { RowSum } from './row-sum.ts'
import { numberOf, type Sql } from './sql.ts'
import type { Revision } from './types.ts'

/** What is hashed between two pauses: a few milliseconds. */
const STEP_ROWS = 150
const STEP_BYTES = 256 * 1024

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

/**
 * etcd's HashKV (server/storage/mvcc/hash.go): CRC-32C over the bucket's name and then, in the
 * order of revisions, each row that a member compacted at `compactRevision` has up to `revision`:
 * the 17 bytes of the revision (a `t` behind those of a tombstone) and the marshalled KeyValue.
 * It pauses after each few hundred rows; until it ends nothing at or above `compactRevision` may
 * be physically deleted.
 */
export function* hashKv(sql: Sql, scope: HashScope): Generator<void, HashKv> {
  const { revision, compactRevision } = scope
  const sum = new RowSum(BUCKET_SUM)
  let rows = 0
  let bytes = 0
  for (const row of scanPacked(sql, EVERYTHING, hashedBehind(scope))) {
    if (isHashed(sql, row, scope)) {
      const kv = scannedVersion(sql, row)
      sum.add({ main: row.main, sub: row.sub, deleted: row.version === 0 }, kv)
      bytes += kv.key.length + kv.value.length
    }
    if (++rows >= STEP_ROWS || bytes >= STEP_BYTES) {
      rows = 0
      bytes = 0
      yield
    }
  }
  return { hash: sum.checksum, compactRevision, hashRevision: revision }
}

/** Rows of `SELECT_HASHED`, behind one of them. */
export function hashedBehind({ revision, compactRevision }: HashScope): PieceOf<ScannedRow> {
  return (last, count) => {
    const { main, sub } = last ?? { main: 0, sub: 0 }
    return [SELECT_HASHED, compactRevision + 1, main, sub, revision + 1, count]
  }
}

function isHashed(sql: Sql, row: ScannedRow, scope: HashScope): boolean {
  const [isCurrent] = row.more
  return isHashedAnyway(row, isCurrent === 1, scope) ?? isSeen(sql, row, scope)
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
