import { SUB_MAX } from './change-id.ts'
import {
  scannedKey,
  scannedVersion,
  SELECT_CHANGES,
  SELECT_CHANGE_SIZES,
  SELECT_REPLACED,
  tombstone,
} from './log.ts'
import {
  EVERYTHING,
  type Piece,
  type PieceOf,
  release,
  rowsOf,
  type ScannedRow,
  scanPacked,
  scanPieces,
  scanSizes,
} from './packed-rows.ts'
import type { ChangeName } from './revision-bytes.ts'
import type { Sql } from './sql.ts'
import { type ChangeId, type KeyValue, type Length, NO_LEASE, type Revision } from './types.ts'

/** A KeyValue, of which the key and the value may be lengths only. */
export type KeyValueOf<B extends Length> = Omit<KeyValue, 'key' | 'value'> & {
  readonly key: B
  readonly value: B
}

/** A row of etcd's `key` bucket: the KeyValue of a tombstone is its key and nothing else. */
export interface Change<B extends Length> extends ChangeName {
  readonly kv: KeyValueOf<B>
}

/** What the log holds from one revision on to another one, both of them with it. */
export function changesBetween(
  sql: Sql,
  from: Revision,
  to: Revision,
): Iterable<Change<Uint8Array>> {
  return changesUpTo(sql, to, { main: from - 1, sub: SUB_MAX })
}

/** What the log holds up to a revision, behind `after`, in order, read as it is asked for. */
export function* changesUpTo(
  sql: Sql,
  revision: Revision,
  after?: ChangeId,
): Iterable<Change<Uint8Array>> {
  for (const row of scanPacked(sql, EVERYTHING, changesBehind(revision, after))) {
    yield changeOf(sql, row)
  }
}

/**
 * The same from the beginning, for a reader who is done with a change when so many bytes of others have come
 * behind it: what SQLite has answered is then given back.
 */
export function* lentChanges(
  sql: Sql,
  revision: Revision,
  keptBytes: number,
): Iterable<Change<Uint8Array>> {
  const passed: Piece[] = []
  let bytes = 0
  for (const piece of scanPieces(sql, EVERYTHING, changesBehind(revision, undefined))) {
    for (const row of rowsOf(piece)) {
      yield changeOf(sql, row)
    }
    passed.push(piece)
    bytes += bytesOf(piece)
    for (let first = passed[0]; first !== undefined; first = passed[0]) {
      const newer = bytes - bytesOf(first)
      if (newer < keptBytes) {
        break
      }
      bytes = newer
      release(first)
      passed.shift()
    }
  }
}

function bytesOf({ keys, values }: Piece): number {
  return keys.length + (values?.length ?? 0)
}

function changesBehind(revision: Revision, after: ChangeId | undefined): PieceOf<ScannedRow> {
  return (last, count) => [SELECT_CHANGES, ...behind(last ?? after), revision + 1, count]
}

/** The versions that the changes of a revision have replaced, in the order of the changes. */
export function* replacedIn(sql: Sql, revision: Revision): Iterable<KeyValue> {
  const rows = scanPacked(sql, EVERYTHING, (last, count) => {
    const main = last === undefined ? revision - 1 : revision
    const sub = last === undefined ? SUB_MAX : (last.more[0] ?? SUB_MAX)
    return [SELECT_REPLACED, main, sub, revision + 1, count]
  })
  for (const row of rows) {
    yield scannedVersion(sql, row)
  }
}

/** A row of the log with all its bytes. */
function changeOf(sql: Sql, row: ScannedRow): Change<Uint8Array> {
  const { main, sub } = row
  const deleted = row.version === 0
  const kv = deleted ? tombstone(scannedKey(sql, row), 0) : scannedVersion(sql, row)
  return { main, sub, deleted, kv }
}

/** The changes without their bytes, of which SQLite then reads no more than it must. */
export function* changeSizesUpTo(sql: Sql, revision: Revision): Iterable<Change<Length>> {
  const rows = scanSizes(sql, (last, count) => [
    SELECT_CHANGE_SIZES,
    ...behind(last),
    revision + 1,
    count,
  ])
  for (const { main, sub, version, keyLength, valueLength, createRevision, lease } of rows) {
    const deleted = version === 0
    yield {
      main,
      sub,
      deleted,
      kv: {
        key: { length: keyLength },
        createRevision: deleted ? 0 : createRevision,
        modRevision: deleted ? 0 : main,
        version,
        value: { length: valueLength ?? 0 },
        lease: deleted ? NO_LEASE : lease,
      },
    }
  }
}

function behind(last: ChangeId | undefined): readonly [main: number, sub: number] {
  return last === undefined ? [0, 0] : [last.main, last.sub]
}
