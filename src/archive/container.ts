import * as z from 'zod'
import { crc32c } from '../mvcc/crc32c.ts'
import { freeBytes } from '../mvcc/free-bytes.ts'
import { ArchiveDamage } from './archive-damage.ts'

/**
 * All objects of an archive look alike (numbers are big-endian):
 *
 *     "etcdurable"    10 bytes
 *     format          2 bytes: 1
 *     length          4 bytes: of the header
 *     header          JSON: what it is, and of each section its name, length and checksum
 *     sections        one behind the other
 *     checksum        4 bytes: CRC-32C of all before the sections
 *
 * A section's checksum is CRC-32C too, and is summed while the section grows: a segment of 8 MiB takes 4 ms
 * to sum, which the shard does not spend at once. The checksum at the end covers those of the sections, so
 * it stands for the whole object.
 */
const MAGIC = new TextEncoder().encode('etcdurable')
const FORMAT = 1
const HEAD_BYTES = MAGIC.length + 6
const CHECKSUM_BYTES = 4
/** A header is read as a whole: that of a manifest is the longest. */
const HEADER_BYTES_MAX = 16 * 1024 * 1024

const kinds = ['segment', 'part', 'end', 'manifest', 'claim', 'frame'] as const
export type ObjectKind = (typeof kinds)[number]

/** Bytes of an object, and CRC-32C of them. They may be in pieces. */
export interface Section {
  readonly name: string
  readonly pieces: readonly Uint8Array[]
  readonly checksum: number
}

/** An object that has been read, and was found as it was written. */
export interface ArchiveObject {
  /** The fields of the kind's own. */
  readonly header: unknown
  /** Views of the object's bytes. */
  readonly sections: ReadonlyMap<string, Uint8Array>
  /** That of a section; 0 of one that is not there. */
  readonly checksumOf: (section: string) => number
  /** That of the whole object. */
  readonly checksum: number
}

const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)

const frame = z.looseObject({
  kind: z.enum(kinds),
  sections: z.array(z.tuple([z.string(), z.int().min(0), uint32])),
})

export function section(name: string, bytes: Uint8Array): Section {
  return { name, pieces: [bytes], checksum: crc32c(bytes) }
}

/** A section of the text of a JSON value. */
export function jsonSection(name: string, value: unknown): Section {
  return section(name, encoder.encode(JSON.stringify(value)))
}

/** What an object has around its first section, if that is the only long one. */
const AROUND_BYTES = 64 * 1024

/** Where an object is put together without copying its first section, which is written there. May be used again. */
export class ObjectBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>
  /** For the first section. */
  readonly room: Uint8Array<ArrayBuffer>

  constructor(roomBytes: number) {
    this.#bytes = new Uint8Array(AROUND_BYTES + roomBytes + AROUND_BYTES)
    this.room = this.#bytes.subarray(AROUND_BYTES, AROUND_BYTES + roomBytes)
  }

  /** Gives it back, with all that was made in it. */
  free(): void {
    freeBytes(this.#bytes)
  }

  /** The bytes of an object with so long a head; undefined where its first section is not here, or it does not fit. */
  around(
    first: Section | undefined,
    head: number,
    length: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    const [piece, ...others] = first?.pieces ?? []
    const at = AROUND_BYTES - head
    const isHere = piece?.buffer === this.#bytes.buffer && others.length === 0
    return isHere && at >= 0 && at + length <= this.#bytes.length
      ? this.#bytes.subarray(at, at + length)
      : undefined
  }
}

/** An object, and its checksum. `header` is what JSON can hold, without `kind` and `sections`. */
export function encodeObject(
  kind: ObjectKind,
  header: object,
  sections: readonly Section[] = [],
  buffer?: ObjectBuffer,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly checksum: number } {
  const table = sections.map(({ name, pieces, checksum }) => [name, lengthOf(pieces), checksum])
  const json = encoder.encode(JSON.stringify({ kind, ...header, sections: table }))
  const head = HEAD_BYTES + json.length
  const body = sections.reduce((length, { pieces }) => length + lengthOf(pieces), 0)
  const length = head + body + CHECKSUM_BYTES
  const bytes = buffer?.around(sections[0], head, length) ?? new Uint8Array(length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  bytes.set(MAGIC)
  view.setUint16(MAGIC.length, FORMAT)
  view.setUint32(MAGIC.length + 2, json.length)
  bytes.set(json, HEAD_BYTES)
  let offset = head
  for (const piece of sections.flatMap(({ pieces }) => pieces)) {
    if (piece.buffer !== bytes.buffer) {
      bytes.set(piece, offset)
    }
    offset += piece.length
  }
  const checksum = crc32c(bytes, 0, 0, head)
  view.setUint32(offset, checksum)
  return { bytes, checksum }
}

/** Throws ArchiveDamage where the bytes are no whole object of that kind. */
export function decodeObject(kind: ObjectKind, bytes: Uint8Array): ArchiveObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head = HEAD_BYTES + headerLength(bytes, view)
  requireBytes(bytes, head + CHECKSUM_BYTES)
  const { kind: found, sections: table, ...header } = frameOf(bytes.subarray(0, head))
  const end = table.reduce((sum, [, length]) => sum + length, head)
  requireBytes(bytes, end + CHECKSUM_BYTES)
  const checksum = view.getUint32(end)
  if (bytes.length > end + CHECKSUM_BYTES || crc32c(bytes.subarray(0, head)) !== checksum) {
    throw damaged()
  }
  if (found !== kind) {
    throw new ArchiveDamage('foreign', `is a ${found}, and no ${kind}`)
  }
  const sections = new Map<string, Uint8Array>()
  let offset = head
  for (const [name, length, sum] of table) {
    const content = bytes.subarray(offset, (offset += length))
    if (crc32c(content) !== sum) {
      throw damaged()
    }
    sections.set(name, content)
  }
  const sums = new Map(table.map(([name, , sum]) => [name, sum]))
  return { header, sections, checksumOf: (name) => sums.get(name) ?? 0, checksum }
}

function headerLength(bytes: Uint8Array, view: DataView): number {
  const isOurs = MAGIC.every((byte, index) => index >= bytes.length || bytes[index] === byte)
  if (!isOurs || bytes.length === 0) {
    throw new ArchiveDamage('foreign', 'is no object of an archive')
  }
  requireBytes(bytes, HEAD_BYTES)
  const format = view.getUint16(MAGIC.length)
  if (format !== FORMAT) {
    throw new ArchiveDamage('format', `is of format ${format}, and only ${FORMAT} is known`)
  }
  const length = view.getUint32(MAGIC.length + 2)
  if (length > HEADER_BYTES_MAX) {
    throw damaged()
  }
  return length
}

/** What makes no sense was damaged: the checksum is known only when the lengths are. */
function frameOf(head: Uint8Array): z.output<typeof frame> {
  try {
    return frame.parse(JSON.parse(utf8.decode(head.subarray(HEAD_BYTES))))
  } catch {
    throw damaged()
  }
}

function requireBytes(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) {
    throw new ArchiveDamage('cut', `is cut off: it has ${bytes.length} bytes of ${length}`)
  }
}

function damaged(): ArchiveDamage {
  return new ArchiveDamage('checksum', 'is damaged: its bytes are not those that were written')
}

/** What a kind's header or a section of JSON holds. Throws ArchiveDamage. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (!result.success) {
    const [{ path, message } = { path: [], message: '' }] = result.error.issues
    throw new ArchiveDamage('content', `makes no sense: ${path.join('.')}: ${message}`)
  }
  return result.data
}

/** The value that `jsonSection` was given. Throws ArchiveDamage. */
export function jsonIn<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    throw new ArchiveDamage('content', 'makes no sense: a section is no JSON')
  }
  return parsed(schema, value)
}

const encoder = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((length, piece) => length + piece.length, 0)
}
