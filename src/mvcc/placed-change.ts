import { scannedKey, valueAt } from './log.ts'
import { type Piece, rowAt } from './packed-rows.ts'
import type { ChangeName } from './revision-bytes.ts'
import type { Sql } from './sql.ts'
import { type LeaseId, NO_LEASE, type Revision } from './types.ts'

/**
 * A change of the log whose key and value are places in longer bytes. Who reads millions of them has one
 * object for all, and leaves no garbage behind: it is good until the next one is asked for.
 */
export interface PlacedChange extends ChangeName {
  readonly createRevision: Revision
  readonly version: number
  readonly lease: LeaseId
  readonly keys: Uint8Array
  readonly keyAt: number
  readonly keyLength: number
  readonly values: Uint8Array
  readonly valueAt: number
  readonly valueLength: number
}

/** A walk through the rows of pieces. */
export class PlacedRow implements PlacedChange {
  main: Revision = 0
  sub = 0
  deleted = false
  createRevision: Revision = 0
  version = 0
  lease: LeaseId = NO_LEASE
  keys = NO_BYTES
  keyAt = 0
  keyLength = 0
  values = NO_BYTES
  valueAt = 0
  valueLength = 0
  #nextKey = 0
  #nextValue = 0

  /** Goes to a row of a piece: to the first, or from one to the next. */
  goTo(sql: Sql, piece: Piece, place: number): void {
    if (place === 0) {
      this.#nextKey = 0
      this.#nextValue = 0
    }
    this.main = piece.mains[place] ?? 0
    this.sub = piece.subs[place] ?? 0
    this.version = piece.versions[place] ?? 0
    this.deleted = this.version === 0
    this.createRevision = piece.createRevisions[place] ?? 0
    const lease = piece.leases[place] ?? null
    this.lease = this.deleted || lease === null ? NO_LEASE : BigInt(lease)
    this.#placeKey(sql, piece, place)
    this.#placeValue(sql, piece, place)
  }

  #placeKey(sql: Sql, piece: Piece, place: number): void {
    const length = piece.keyLengths[place] ?? null
    if (length === null) {
      this.keys = scannedKey(sql, rowAt(piece, place, 0, 0))
      this.keyAt = 0
      this.keyLength = this.keys.length
    } else {
      this.keys = piece.keys
      this.keyAt = this.#nextKey
      this.keyLength = length
      this.#nextKey += length
    }
  }

  #placeValue(sql: Sql, piece: Piece, place: number): void {
    const length = piece.valueLengths[place] ?? null
    if (length === null) {
      this.values = this.deleted ? NO_BYTES : valueAt(sql, this)
      this.valueAt = 0
      this.valueLength = this.values.length
    } else {
      this.values = piece.values ?? NO_BYTES
      this.valueAt = this.#nextValue
      this.valueLength = length
      this.#nextValue += length
    }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

/** Below that a loop takes less time than a view of the bytes, and leaves no garbage. */
const VIEW_BYTES_MIN = 64

/** Copies bytes of one buffer into another. */
export function copyBytes(
  from: Uint8Array,
  at: number,
  length: number,
  to: Uint8Array,
  target: number,
): void {
  if (length < VIEW_BYTES_MIN) {
    for (let i = 0; i < length; i++) {
      to[target + i] = from[at + i] ?? 0
    }
  } else {
    to.set(from.subarray(at, at + length), target)
  }
}
