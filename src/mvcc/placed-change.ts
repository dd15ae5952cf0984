import { scannedKey, valueAt } from './log.ts'
import { type Piece, rowAt } from './packed-rows.ts'
import type { ChangeName } from './revision-bytes.ts'
import type { Sql } from './sql.ts'
import { type LeaseId, NO_LEASE, type Revision } from './types.ts'

/** Some of the bytes of a longer buffer. */
export interface Place {
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/**
 * A change of the log whose key and value are places in longer bytes. Who reads millions of them has one
 * object for all, and leaves no garbage behind: it is good until the next one is asked for.
 */
export interface PlacedChange extends ChangeName {
  readonly createRevision: Revision
  readonly version: number
  readonly lease: LeaseId
  readonly key: Place
  /** Empty of a tombstone. */
  readonly value: Place
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

class MovingPlace implements Place {
  bytes = NO_BYTES
  at = 0
  length = 0
  #next = 0

  begin(): void {
    this.#next = 0
  }

  /** What comes behind the last ones of the same bytes. */
  next(bytes: Uint8Array, length: number): void {
    this.bytes = bytes
    this.at = this.#next
    this.length = length
    this.#next += length
  }

  /** All of other bytes. */
  be(bytes: Uint8Array): void {
    this.bytes = bytes
    this.at = 0
    this.length = bytes.length
  }
}

/** A walk through the rows of pieces. */
export class PlacedRow implements PlacedChange {
  main: Revision = 0
  sub = 0
  deleted = false
  createRevision: Revision = 0
  version = 0
  lease: LeaseId = NO_LEASE
  readonly key = new MovingPlace()
  readonly value = new MovingPlace()

  /** Goes to a row of a piece: to the first, or from one to the next. */
  goTo(sql: Sql, piece: Piece, place: number): void {
    if (place === 0) {
      this.key.begin()
      this.value.begin()
    }
    this.main = piece.mains[place] ?? 0
    this.sub = piece.subs[place] ?? 0
    this.version = piece.versions[place] ?? 0
    this.deleted = this.version === 0
    this.createRevision = piece.createRevisions[place] ?? 0
    const lease = piece.leases[place] ?? null
    this.lease = this.deleted || lease === null ? NO_LEASE : BigInt(lease)
    const keyLength = piece.keyLengths[place] ?? null
    if (keyLength === null) {
      this.key.be(scannedKey(sql, rowAt(piece, place, 0, 0)))
    } else {
      this.key.next(piece.keys, keyLength)
    }
    const valueLength = piece.valueLengths[place] ?? null
    if (valueLength === null) {
      this.value.be(this.deleted ? NO_BYTES : valueAt(sql, this))
    } else {
      this.value.next(piece.values ?? NO_BYTES, valueLength)
    }
  }
}

/** Below that a loop takes less time than a view of the bytes, and leaves no garbage. */
const VIEW_BYTES_MIN = 64

/** Copies them to a place in another buffer. */
export function copyBytes({ bytes, at, length }: Place, to: Uint8Array, target: number): void {
  if (length < VIEW_BYTES_MIN) {
    for (let i = 0; i < length; i++) {
      to[target + i] = bytes[at + i] ?? 0
    }
  } else {
    to.set(bytes.subarray(at, at + length), target)
  }
}
