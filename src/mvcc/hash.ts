import { FIRST_ID, ID, mainOf, subOf } from './change-id.ts'
import { crc32c } from './crc32c.ts'
import { changeIdOf, FIRST_TOMBSTONE_OF, keyValueOf, SELECT_CURRENT } from './log.ts'
import { bytesOf, numberOf, type Sql, type SqlRow } from './sql.ts'
import type { ChangeId, KeyValue, Revision } from './types.ts'
import { countAt, versionBefore } from './versions.ts'

/** The rows hashed between two pauses: a few milliseconds. */
const STEP_ROWS = 500

export const SELECT_LOG_PAGE = `
SELECT key, create_revision, ${mainOf('id')}, version, lease, ${subOf('id')}, value FROM log
WHERE id > ${ID} AND id < ${FIRST_ID} ORDER BY id LIMIT ${STEP_ROWS}`

export interface HashKv {
  readonly hash: number
  readonly compactRevision: Revision
  readonly hashRevision: Revision
}

/**
 * etcd's HashKV (server/storage/mvcc/hash.go): CRC-32C over the bucket's name and then, in the
 * order of revisions, each row that a member compacted at `compactRevision` has up to `revision`:
 * the 17 bytes of the revision (a `t` behind those of a tombstone) and the marshalled KeyValue.
 * It pauses after each few hundred rows; until it ends nothing at or above `compactRevision` may
 * be physically deleted.
 */
export function* hashKv(
  sql: Sql,
  revision: Revision,
  compactRevision: Revision,
): Generator<void, HashKv> {
  const everything = { start: new Uint8Array(0), end: undefined }
  const keeps = countAt(sql, everything, revision) > 0
  let hash = crc32c(BUCKET)
  let last: ChangeId = { main: 0, sub: 0 }
  for (;;) {
    const page = sql.all(SELECT_LOG_PAGE, last.main, last.sub, revision + 1)
    for (const row of page) {
      if (isHashed(sql, row, { revision, compactRevision, keeps })) {
        hash = crc32c(marshalRevision(row), hash)
        hash = hashKeyValue(keyValueOf(row), hash)
      }
    }
    const end = changeIdOf(page.at(-1)?.[2] ?? null, page.at(-1)?.[5] ?? null)
    if (end === undefined || page.length < STEP_ROWS) {
      return { hash, compactRevision, hashRevision: revision }
    }
    last = end
    yield
  }
}

interface HashScope {
  readonly revision: Revision
  readonly compactRevision: Revision
  /** Whether any key lives at `revision`; etcd skips no superseded row when none does. */
  readonly keeps: boolean
}

/** Rows at or below the compacted revision count only while a reader can still see them. */
function isHashed(sql: Sql, row: SqlRow, scope: HashScope): boolean {
  if (numberOf(row[2]) > scope.compactRevision) {
    return true
  }
  if (numberOf(row[3]) === 0) {
    return false
  }
  return standsAt(sql, row, scope.keeps ? scope.revision : scope.compactRevision)
}

/** Whether the row is its key's version at the revision: the last of its generation up to it. */
function standsAt(sql: Sql, row: SqlRow, revision: Revision): boolean {
  const key = bytesOf(row[0])
  const current = sql.first(SELECT_CURRENT, key)
  const lives = current !== undefined && current[1] === row[1]
  const head = lives ? current : sql.first(FIRST_TOMBSTONE_OF, key, numberOf(row[1]))
  if (head === undefined || (!lives && numberOf(head[2]) <= revision)) {
    return false
  }
  const from = { main: numberOf(head[2]), sub: numberOf(head[5]) }
  return versionBefore(sql, from, revision + 1)?.modRevision === row[2]
}

/** "key", the name of etcd's bucket. */
const BUCKET = Uint8Array.of(0x6b, 0x65, 0x79)
const REVISION_BYTES = 17
const UNDERSCORE = 0x5f
const TOMBSTONE_MARK = 0x74

function marshalRevision(row: SqlRow): Uint8Array {
  const deleted = row[3] === 0
  const bytes = new Uint8Array(REVISION_BYTES + (deleted ? 1 : 0))
  const view = new DataView(bytes.buffer)
  view.setBigInt64(0, BigInt(numberOf(row[2])))
  bytes[8] = UNDERSCORE
  view.setBigInt64(9, BigInt(numberOf(row[5])))
  if (deleted) {
    bytes[REVISION_BYTES] = TOMBSTONE_MARK
  }
  return bytes
}

/** The canonical protobuf of mvccpb.KeyValue, which is what etcd stores and therefore hashes. */
function hashKeyValue(kv: KeyValue, checksum: number): number {
  let hash = hashBytes(1, kv.key, checksum)
  if (kv.version === 0) {
    return hash
  }
  const ints: number[] = []
  pushInt(ints, 2, BigInt(kv.createRevision))
  pushInt(ints, 3, BigInt(kv.modRevision))
  pushInt(ints, 4, BigInt(kv.version))
  hash = hashBytes(5, kv.value, crc32c(ints, hash))
  const lease: number[] = []
  pushInt(lease, 6, BigInt.asUintN(64, kv.lease))
  return crc32c(lease, hash)
}

const WIRE_BYTES = 2

function hashBytes(field: number, value: Uint8Array, checksum: number): number {
  if (value.length === 0) {
    return checksum
  }
  const head = [(field << 3) | WIRE_BYTES]
  pushVarint(head, BigInt(value.length))
  return crc32c(value, crc32c(head, checksum))
}

function pushInt(target: number[], field: number, value: bigint): void {
  if (value !== 0n) {
    target.push(field << 3)
    pushVarint(target, value)
  }
}

function pushVarint(target: number[], value: bigint): void {
  let rest = value
  while (rest > 0x7fn) {
    target.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  target.push(Number(rest))
}
