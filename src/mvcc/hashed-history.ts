import { freeBytes } from './free-bytes.ts'
import {
  BUCKET_SUM,
  type HashKv,
  hashedBehind,
  type HashScope,
  isHashedAnyway,
  isSeen,
} from './hash.ts'
import { type Piece, release, rowAt, scanPieces } from './packed-rows.ts'
import { type PlacedChange, PlacedRow } from './placed-change.ts'
import { RowSum } from './row-sum.ts'
import type { Sql } from './sql.ts'

/** Of keys and values, what one statement reads: a quarter of a millisecond. */
const PIECE_BYTES = 64 * 1024

/**
 * All changes up to the revision of a scope, in order, whatever is hashed of them, and the hash of those
 * that were read.
 */
export class HashedHistory {
  readonly #sql: Sql
  readonly #scope: HashScope
  readonly #sum = new RowSum(BUCKET_SUM)
  readonly #pieceBytes: number

  constructor(sql: Sql, scope: HashScope, pieceBytes = PIECE_BYTES) {
    this.#sql = sql
    this.#scope = scope
    this.#pieceBytes = pieceBytes
  }

  /**
   * Read as they are asked for, each by the same object. Nothing may be physically deleted meanwhile.
   */
  *changes(): Generator<PlacedChange, void> {
    const wanted = { rows: Infinity, bytes: Infinity, pieceBytes: this.#pieceBytes }
    const row = new PlacedRow()
    for (const piece of scanPieces(this.#sql, wanted, hashedBehind(this.#scope))) {
      for (let place = 0; place < piece.mains.length; place++) {
        row.goTo(this.#sql, piece, place)
        if (this.#isHashed(row, piece, place)) {
          this.#sum.addPlaced(row)
        }
        yield row
        if (row.value.bytes !== piece.values) {
          freeBytes(row.value.bytes)
        }
      }
      release(piece)
    }
  }

  #isHashed(row: PlacedChange, piece: Piece, place: number): boolean {
    const isCurrent = piece.more[0]?.[place] === 1
    return (
      isHashedAnyway(row, isCurrent, this.#scope) ??
      isSeen(this.#sql, rowAt(piece, place, row.key.at, row.value.at), this.#scope)
    )
  }

  get hash(): HashKv {
    const { revision, compactRevision } = this.#scope
    return { hash: this.#sum.checksum, compactRevision, hashRevision: revision }
  }
}

/** What is hashed between two pauses: a few milliseconds. */
const STEP_ROWS = 150
const STEP_BYTES = 256 * 1024

/**
 * etcd's HashKV (server/storage/mvcc/hash.go): CRC-32C over the bucket's name and then, in the
 * order of revisions, each row that a member compacted at `compactRevision` has up to `revision`:
 * the 17 bytes of the revision (a `t` behind those of a tombstone) and the marshalled KeyValue.
 * It pauses after each few hundred rows; until it ends nothing at or above `compactRevision` may
 * be physically deleted.
 */
export function* hashKv(sql: Sql, scope: HashScope): Generator<void, HashKv> {
  const history = new HashedHistory(sql, scope, STEP_BYTES)
  let rows = 0
  let bytes = 0
  for (const { key, value } of history.changes()) {
    bytes += key.length + value.length
    if (++rows >= STEP_ROWS || bytes >= STEP_BYTES) {
      rows = 0
      bytes = 0
      yield
    }
  }
  return history.hash
}
