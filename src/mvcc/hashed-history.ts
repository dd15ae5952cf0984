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

  constructor(sql: Sql, scope: HashScope) {
    this.#sql = sql
    this.#scope = scope
  }

  /**
   * Read as they are asked for, each by the same object. Nothing may be physically deleted meanwhile.
   */
  *changes(): Generator<PlacedChange, void> {
    const wanted = { rows: Infinity, bytes: Infinity, pieceBytes: PIECE_BYTES }
    const row = new PlacedRow()
    for (const piece of scanPieces(this.#sql, wanted, hashedBehind(this.#scope))) {
      for (let place = 0; place < piece.mains.length; place++) {
        row.goTo(this.#sql, piece, place)
        if (this.#isHashed(row, piece, place)) {
          this.#sum.addPlaced(row)
        }
        yield row
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
