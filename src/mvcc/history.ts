import {
  keyValueOf,
  leaseOf,
  SELECT_CHANGES,
  SELECT_CHANGE_SIZES,
  tombstone,
  withValue,
} from './log.ts'
import type { ChangeName } from './revision-bytes.ts'
import { bytesOf, inPieces, numberOf, type Sql, type SqlRow } from './sql.ts'
import { type KeyValue, NO_LEASE, type Revision } from './types.ts'

/** What is known of bytes that are not read. */
export interface Length {
  readonly length: number
}

/** A KeyValue, of which the key and the value may be lengths only. */
export type KeyValueOf<B extends Length> = Omit<KeyValue, 'key' | 'value'> & {
  readonly key: B
  readonly value: B
}

/** A row of etcd's `key` bucket: the KeyValue of a tombstone is its key and nothing else. */
export interface Change<B extends Length> extends ChangeName {
  readonly kv: KeyValueOf<B>
}

const NO_BYTES: Length = { length: 0 }

/** What the log holds up to a revision, in order, read as it is asked for. */
export function* changesUpTo(sql: Sql, revision: Revision): Iterable<Change<Uint8Array>> {
  for (const row of rowsUpTo(sql, SELECT_CHANGES, revision)) {
    const deleted = row[3] === 0
    const kv = deleted ? tombstone(bytesOf(row[0]), 0) : keyValueOf(withValue(sql, row))
    yield { main: numberOf(row[2]), sub: numberOf(row[5]), deleted, kv }
  }
}

/** The same changes without their bytes, of which SQLite then reads no more than it must. */
export function* changeSizesUpTo(sql: Sql, revision: Revision): Iterable<Change<Length>> {
  for (const row of rowsUpTo(sql, SELECT_CHANGE_SIZES, revision)) {
    const deleted = row[3] === 0
    yield {
      main: numberOf(row[2]),
      sub: numberOf(row[5]),
      deleted,
      kv: {
        key: { length: numberOf(row[0]) },
        createRevision: deleted ? 0 : numberOf(row[1]),
        modRevision: deleted ? 0 : numberOf(row[2]),
        version: numberOf(row[3]),
        value: deleted ? NO_BYTES : { length: numberOf(row[6]) },
        lease: deleted ? NO_LEASE : leaseOf(row[4]),
      },
    }
  }
}

function rowsUpTo(sql: Sql, statement: string, revision: Revision): Iterable<SqlRow> {
  return inPieces(Infinity, (last, rows) => {
    const [main, sub] = last === undefined ? [0, 0] : [numberOf(last[2]), numberOf(last[5])]
    return sql.all(statement, main, sub, revision + 1, rows)
  })
}
