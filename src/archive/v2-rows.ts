import { crc32c } from '../mvcc/crc32c.ts'
import { FIRST_INDEX } from '../v2/event-history.ts'
import { bytesOfRow, type V2Row } from '../v2/row-change.ts'
import { ArchiveDamage } from './archive-damage.ts'
import type { Section } from './container.ts'
import { nonsense, RecordReader } from './record-reader.ts'

/**
 * Rows of a v2 store (v2/row-change.ts), a record each. Numbers are varints.
 *
 *     kind       1 byte: 1 for a node, 2 for a node that is gone, 3 for an event; to which is added, of a node,
 *                16 if it expires and 32 for a directory; of one that is gone, 32 for a directory; of an event,
 *                16 if nobody is told of it, and 32 if a directory is gone
 *     of a node: the directory that it is in, and its name (length, bytes, each); created; modified; when it expires,
 *                in ms since 1970 (8 bytes, big-endian), if it does; of a file its value (length, bytes)
 *     of one that is gone: its path (length, bytes)
 *     of an event: its index; its path, and what clients are told (length, bytes, each)
 */
const NODE = 1
const GONE = 2
const EVENT = 3
const KIND = 15
const EXPIRES = 16
const SILENT = 16
const DIRECTORY = 32

/** The name of the section. */
export const ROWS = 'v2Rows'

const NUMBERS_BYTES_MAX = 64
const PIECE_BYTES = 64 * 1024

/** Of the rows that changes have left, in their order; or of all rows, in any order. */
export interface ArchivedRows {
  /** The index that they follow from; null where they are part of all rows there are. */
  readonly from: number | null
  /** The index to which they lead. */
  readonly to: number
  readonly rows: Section
}

/** Writes such a section, row by row. */
export class RowsWriter {
  #pieces: Uint8Array[] = []
  #piece = new Uint8Array(0)
  #length = 0
  #bytes = 0
  #checksum = 0

  /** So many bytes the section has. */
  get bytes(): number {
    return this.#bytes + this.#length
  }

  add(row: V2Row): void {
    this.#begin(bytesOfRow(row))
    switch (row.kind) {
      case 'node':
        return this.#node(row)
      case 'gone':
        this.#byte(GONE | (row.isDirectory ? DIRECTORY : 0))
        return this.#put(row.path)
      case 'event':
        this.#byte(EVENT | (row.silent ? SILENT : 0) | (row.removed ? DIRECTORY : 0))
        this.#int(row.position)
        this.#put(row.path)
        return this.#put(row.event)
    }
  }

  /** The section so far. */
  end(): Section {
    this.#endPiece()
    return { name: ROWS, pieces: this.#pieces, checksum: this.#checksum }
  }

  /** These go before what is written here. */
  prepend({ pieces }: Section): void {
    this.#endPiece()
    this.#pieces = [...pieces, ...this.#pieces]
    this.#bytes = this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#checksum = this.#pieces.reduce((sum, piece) => crc32c(piece, sum), 0)
  }

  #node({
    parent,
    name,
    created,
    modified,
    expires,
    value,
  }: Extract<V2Row, { kind: 'node' }>): void {
    const flags = (expires === undefined ? 0 : EXPIRES) | (value === undefined ? DIRECTORY : 0)
    this.#byte(NODE | flags)
    this.#put(parent)
    this.#put(name)
    this.#int(created)
    this.#int(modified)
    if (expires !== undefined) {
      const { buffer, byteOffset } = this.#piece
      new DataView(buffer).setBigInt64(byteOffset + this.#length, BigInt(expires))
      this.#length += 8
    }
    if (value !== undefined) {
      this.#put(value)
    }
  }

  #begin(bytes: number): void {
    const most = NUMBERS_BYTES_MAX + bytes
    if (this.#length + most > this.#piece.length) {
      this.#endPiece()
      this.#piece = new Uint8Array(Math.max(PIECE_BYTES, most))
    }
  }

  #endPiece(): void {
    if (this.#length > 0) {
      const piece = this.#piece.subarray(0, this.#length)
      this.#checksum = crc32c(piece, this.#checksum)
      this.#pieces.push(piece)
      this.#bytes += this.#length
      this.#piece = this.#piece.subarray(this.#length)
      this.#length = 0
    }
  }

  #byte(byte: number): void {
    this.#piece[this.#length++] = byte
  }

  #int(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.#byte(rest)
  }

  #put(bytes: Uint8Array): void {
    this.#int(bytes.length)
    this.#piece.set(bytes, this.#length)
    this.#length += bytes.length
  }
}

/** Throws ArchiveDamage where the rows do not follow from those of an index; undefined for a store that is new. */
export function requireRowsBehind({ from }: ArchivedRows, index: number | undefined): void {
  const expected = index ?? FIRST_INDEX
  if (from !== expected) {
    const begins = from === null ? 'is a part of all rows' : `begins behind index ${from}`
    throw new ArchiveDamage('gap', `${begins} of the v2 store, and ${expected} was the last`)
  }
}

/** The rows, whose bytes are views of the section. Throws ArchiveDamage, also where they do not lead to where they say. */
export function* rowsIn({ from, to, rows }: ArchivedRows): Generator<V2Row, void> {
  let last = from
  for (const piece of rows.pieces) {
    const reader = new RecordReader(piece)
    while (!reader.done) {
      const row = rowAt(reader)
      if (row.kind === 'event') {
        const isNext = last === null ? row.position <= to : row.position === last + 1
        if (!isNext) {
          throw new ArchiveDamage('content', `makes no sense: event ${row.position} is not in it`)
        }
        last = last === null ? null : row.position
      }
      yield row
    }
  }
  if (last !== null && last !== to) {
    throw new ArchiveDamage(
      'content',
      `makes no sense: its events end with ${last}, not with ${to}`,
    )
  }
}

function rowAt(reader: RecordReader): V2Row {
  const flags = reader.byte()
  const isDirectory = (flags & DIRECTORY) !== 0
  switch (flags & KIND) {
    case NODE: {
      const [parent, name] = [reader.bytes(), reader.bytes()]
      const [created, modified] = [reader.int(), reader.int()]
      const expires = (flags & EXPIRES) === 0 ? undefined : Number(reader.int64())
      const value = isDirectory ? undefined : reader.bytes()
      return { kind: 'node', parent, name, created, modified, expires, value }
    }
    case GONE:
      return { kind: 'gone', path: reader.bytes(), isDirectory }
    case EVENT: {
      const [position, path, event] = [reader.int(), reader.bytes(), reader.bytes()]
      const silent = (flags & SILENT) !== 0
      return { kind: 'event', position, path, silent, removed: isDirectory, event }
    }
    default:
      throw nonsense()
  }
}
