import { FIRST_ID } from './change-id.ts'
import { crc32c } from './crc32c.ts'
import type { Bounds } from './key-range.ts'
import {
  FIRST_TOMBSTONE_OF,
  keyValueOf,
  readLog,
  SELECT_HEAD,
  SELECT_HEAD_BEFORE,
  withValue,
} from './log.ts'
import { revisionBytes } from './revision-bytes.ts'
import { bytesOf, numberOf, type Sql, type SqlRow } from './sql.ts'
import type { KeyValue, Revision } from './types.ts'

/** What is hashed between two pauses: a few milliseconds. */
const STEP_ROWS = 150
const STEP_BYTES = 256 * 1024

const SELECT_LIVES_ANY = `
SELECT EXISTS (SELECT 1 FROM current WHERE create_revision <= ?) OR EXISTS (
  SELECT 1 FROM log INDEXED BY log_tombstone
  WHERE version = 0 AND id >= ${FIRST_ID} AND create_revision <= ?)`

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
  let hash = crc32c(BUCKET)
  let rows = 0
  let bytes = 0
  for (const row of readLog(sql, 0, revision + 1, EVERYTHING)) {
    if (isHashed(sql, row, scope)) {
      const kv = keyValueOf(withValue(sql, row))
      const change = { main: kv.modRevision, sub: numberOf(row[5]), deleted: kv.version === 0 }
      hash = hashKeyValue(kv, crc32c(revisionBytes(change), hash))
      bytes += kv.key.length + kv.value.length
    }
    if (++rows >= STEP_ROWS || bytes >= STEP_BYTES) {
      rows = 0
      bytes = 0
      yield
    }
  }
  return { hash, compactRevision, hashRevision: revision }
}

const EVERYTHING: Bounds = { start: new Uint8Array(0), end: undefined }

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
  const current = sql.first(SELECT_HEAD, key)
  const lives = current !== undefined && current[1] === row[1]
  const head = lives ? current : sql.first(FIRST_TOMBSTONE_OF, key, numberOf(row[1]))
  if (head === undefined || (!lives && numberOf(head[2]) <= revision)) {
    return false
  }
  const version = sql.first(SELECT_HEAD_BEFORE, numberOf(head[2]), numberOf(head[5]), revision + 1)
  return version !== undefined && version[2] === row[2] && version[5] === row[5]
}

/** "key", the name of etcd's bucket. */
const BUCKET = Uint8Array.of(0x6b, 0x65, 0x79)
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
