import { crc32c } from '../mvcc/crc32c.ts'
import { freeBytes } from '../mvcc/free-bytes.ts'
import type { Change } from '../mvcc/history.ts'
import { copyBytes, type Place, type PlacedChange } from '../mvcc/placed-change.ts'
import { type LeaseId, NO_LEASE, type Revision } from '../mvcc/types.ts'
import { ArchiveDamage } from './archive-damage.ts'
import type { Section } from './container.ts'
import { nonsense, RecordReader } from './record-reader.ts'

/**
 * Changes of the log, a record each. Numbers are varints, as in protobuf.
 *
 *     flags       1 byte: 1 for a tombstone, 2 for a lease
 *     main        less that of the record before; of the first one, the revision
 *     sub
 *     key         length, bytes
 *     of a version: the revision less its key's creation; its version; the lease, if any (8 bytes,
 *     big-endian); its value: length, bytes
 *
 * A put's change of 256 bytes takes 0.73 µs to read from SQLite and to write here, and 0.12 to sum. What
 * SQLite joined (`mvcc/packed-rows.ts`), written as it comes, took 0.66, was 6 % longer, and had no long
 * values.
 */
const TOMBSTONE = 1
const LEASE = 2

/** Of a record without its key and value. */
export const NUMBERS_BYTES_MAX = 64
/** Pieces of which a section is made, and what of it is summed at once. */
const PIECE_BYTES = 64 * 1024

/** Writes the section `changes`, change by change in their order. */
export class ChangesWriter {
  readonly #pieces: Uint8Array[] = []
  /** What they are written to. */
  readonly #whole: Uint8Array[] = []
  #piece: Uint8Array
  #length = 0
  /** So far the piece is summed. */
  #summed = 0
  #bytes = 0
  #checksum = 0
  #main: Revision = 0
  /** How many there are. */
  count = 0

  /** `room` is written to while it lasts. */
  constructor(room = new Uint8Array(PIECE_BYTES)) {
    this.#piece = room
  }

  /** So many bytes the section has. */
  get bytes(): number {
    return this.#bytes + this.#length
  }

  add({ main, sub, deleted, kv }: Change<Uint8Array>): void {
    const { key, value } = kv
    const lease = deleted ? NO_LEASE : kv.lease
    this.#begin(key.length + value.length)
    this.#name(main, sub, deleted, lease)
    this.#int(key.length)
    this.#piece.set(key, this.#length)
    this.#length += key.length
    if (!deleted) {
      this.#version(main - kv.createRevision, kv.version, lease)
      this.#int(value.length)
      this.#piece.set(value, this.#length)
      this.#length += value.length
    }
  }

  addPlaced(change: PlacedChange): void {
    const { main, sub, deleted, lease, key, value } = change
    this.#begin(key.length + value.length)
    this.#name(main, sub, deleted, lease)
    this.#put(key)
    if (!deleted) {
      this.#version(main - change.createRevision, change.version, lease)
      this.#put(value)
    }
  }

  /** The section. Nothing may be added behind it. */
  end(): Section {
    this.#endPiece()
    return { name: 'changes', pieces: this.#pieces, checksum: this.#checksum }
  }

  /** Gives back what the section was written to. It is to be copied before. */
  free(): void {
    this.#whole.forEach(freeBytes)
  }

  #begin(bytes: number): void {
    if (this.#length - this.#summed >= PIECE_BYTES) {
      this.#sum()
    }
    const most = NUMBERS_BYTES_MAX + bytes
    if (this.#length + most > this.#piece.length) {
      this.#endPiece()
      this.#piece = new Uint8Array(Math.max(PIECE_BYTES, most))
    }
  }

  #endPiece(): void {
    if (this.#length > 0) {
      this.#sum()
      this.#pieces.push(this.#piece.subarray(0, this.#length))
      this.#whole.push(this.#piece)
      this.#bytes += this.#length
      this.#length = 0
      this.#summed = 0
    }
  }

  #sum(): void {
    this.#checksum = crc32c(this.#piece, this.#checksum, this.#summed, this.#length)
    this.#summed = this.#length
  }

  #name(main: Revision, sub: number, deleted: boolean, lease: LeaseId): void {
    this.#piece[this.#length++] = (deleted ? TOMBSTONE : 0) | (lease === NO_LEASE ? 0 : LEASE)
    this.#int(main - this.#main)
    this.#int(sub)
    this.#main = main
    this.count++
  }

  #version(age: number, version: number, lease: LeaseId): void {
    this.#int(age)
    this.#int(version)
    if (lease !== NO_LEASE) {
      const { buffer, byteOffset } = this.#piece
      new DataView(buffer).setBigInt64(byteOffset + this.#length, lease)
      this.#length += 8
    }
  }

  #int(value: number): void {
    let rest = value
    while (rest > 0x7fff_ffff) {
      this.#piece[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    // Most fit into 31 bits, and to shift takes less time than to divide.
    let low = rest | 0
    while (low > 0x7f) {
      this.#piece[this.#length++] = (low & 0x7f) | 0x80
      low >>= 7
    }
    this.#piece[this.#length++] = low
  }

  #put(bytes: Place): void {
    this.#int(bytes.length)
    copyBytes(bytes, this.#piece, this.#length)
    this.#length += bytes.length
  }
}

/** The changes of a section, whose keys and values are views of it. Throws ArchiveDamage. */
export function* changesIn(section: Uint8Array): Generator<Change<Uint8Array>, void> {
  const reader = new RecordReader(section)
  let main = 0
  while (!reader.done) {
    const flags = reader.byte()
    if (flags > (TOMBSTONE | LEASE)) {
      throw nonsense()
    }
    main += reader.int()
    const sub = reader.int()
    const key = reader.bytes()
    if ((flags & TOMBSTONE) !== 0) {
      yield { main, sub, deleted: true, kv: { ...TOMBSTONE_VALUES, key } }
    } else {
      const createRevision = main - reader.int()
      const version = reader.int()
      const lease = (flags & LEASE) === 0 ? NO_LEASE : reader.int64()
      const value = reader.bytes()
      const kv = { key, createRevision, modRevision: main, version, value, lease }
      yield { main, sub, deleted: false, kv }
    }
  }
}

/** The same of an object whose header names them. Changes that are not those are none at all. */
export function* namedChangesIn(
  section: Uint8Array,
  { from, to }: { readonly from: Revision; readonly to: Revision },
  expected: number,
): Generator<Change<Uint8Array>, void> {
  let count = 0
  for (const change of changesIn(section)) {
    if (change.main < from || change.main > to) {
      throw new ArchiveDamage('content', `makes no sense: revision ${change.main} is not in it`)
    }
    count++
    yield change
  }
  if (count !== expected) {
    throw new ArchiveDamage('content', `makes no sense: it has ${count} changes of ${expected}`)
  }
}

/** As `mvcc/history.ts` has them: its key is all that is known of a tombstone. */
const TOMBSTONE_VALUES = {
  createRevision: 0,
  modRevision: 0,
  version: 0,
  value: new Uint8Array(0),
  lease: NO_LEASE,
}
