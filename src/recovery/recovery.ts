import { ArchiveDamage } from '../archive/archive-damage.ts'
import type { FullEnd } from '../archive/full.ts'
import { partKey, segmentKey } from '../archive/names.ts'
import type { ArchivedCompaction } from '../archive/origin.ts'
import { type Expected, nextOf, type Segment } from '../archive/segment.ts'
import type { ArchivedState } from '../archive/state.ts'
import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import { type ArchiveReader, brokenBy } from './archive-reader.ts'
import { BrokenArchive } from './broken-archive.ts'
import type { Point } from './point.ts'

/** What is to be read next: a part of the full, or a segment. */
export type Position = { readonly part: number } | { readonly segment: Expected }

export const BEGINNING: Position = { part: 0 }

/** An object's share in the state at a point. */
export interface Piece {
  /** Of the log, in order. Iterating throws BrokenArchive. */
  readonly changes: Iterable<Change<Uint8Array>>
  /** Behind the changes: what is there replaces what was there. */
  readonly state: ArchivedState
  /** As it is behind the changes; undefined where it is as before. */
  readonly compaction: ArchivedCompaction | undefined
  /** Undefined behind the last one. */
  readonly next: Position | undefined
}

/** Reads what leads to a point, object by object; one is read ahead. */
export class Recovery {
  readonly point: Point
  readonly #reader: ArchiveReader
  #end: Promise<FullEnd> | undefined
  #ahead: { readonly position: string; readonly read: Promise<unknown> } | undefined

  constructor(reader: ArchiveReader, point: Point) {
    this.#reader = reader
    this.point = point
  }

  /** What the full says of itself. Throws BrokenArchive, ObjectStoreError. */
  end(): Promise<FullEnd> {
    this.#end ??= this.#reader.end(this.point.base.full)
    return this.#end
  }

  /** Throws BrokenArchive, ObjectStoreError. */
  async piece(position: Position): Promise<Piece> {
    return 'part' in position
      ? this.#partPiece(position.part)
      : this.#segmentPiece(position.segment)
  }

  async #partPiece(number: number): Promise<Piece> {
    const end = await this.end()
    const part = await this.#take({ part: number }, () => this.#reader.part(end, number))
    const next = this.#behindPart(end, number)
    this.#readAhead(end, next)
    const key = partKey(this.#reader.archive, end, number)
    return {
      changes: upTo(key, part.changes, this.point.revision),
      state: part.state,
      // It has to be known before any change.
      compaction: number === 0 ? end.compaction : undefined,
      next,
    }
  }

  #behindPart(end: FullEnd, number: number): Position | undefined {
    if (number + 1 < end.parts.length) {
      return { part: number + 1 }
    }
    const { chain } = this.point.base
    const { epoch, seq, revision, previous } = end
    return chain && { segment: { epoch, seq: seq + 1, from: revision + 1, previous } }
  }

  async #segmentPiece(expected: Expected): Promise<Piece> {
    const { revision } = this.point
    const key = segmentKey(this.#reader.archive, expected)
    const segment = await this.#take({ segment: expected }, () => this.#reader.segment(expected))
    if (segment === undefined) {
      if (expected.from <= revision || expected.seq <= (this.point.base.chain?.last.seq ?? 0)) {
        throw new BrokenArchive(key, new ArchiveDamage('missing', 'is not there'))
      }
      return NOTHING_MORE
    }
    this.#requireLast(key, segment)
    const { header } = segment
    if (!this.#isWhole(segment)) {
      return {
        changes: upTo(key, segment.changes, revision),
        state: leasesUpTo(segment.state, revision),
        compaction: undefined,
        next: undefined,
      }
    }
    const next = { segment: nextOf(segment) }
    this.#readAhead(undefined, next)
    const { state } = segment
    return {
      changes: upTo(key, segment.changes, revision),
      state,
      compaction: header.compaction,
      next,
    }
  }

  /** The last segment that is known is to be that one: each names the one before it, so all are. */
  #requireLast(key: string, { header, checksum }: Segment): void {
    const last = this.point.base.chain?.last
    if (last?.seq === header.seq && last.checksum !== null && last.checksum !== checksum) {
      throw new BrokenArchive(key, new ArchiveDamage('chain', 'is not the segment that was sent'))
    }
  }

  /** Whether all of a segment is of the state at the point. */
  #isWhole({ header }: Segment): boolean {
    const { revision, time } = this.point
    return header.to <= revision && (time === undefined || header.time <= time)
  }

  #readAhead(end: FullEnd | undefined, next: Position | undefined): void {
    if (next === undefined) {
      return
    }
    const read =
      'part' in next ? end && this.#reader.part(end, next.part) : this.#reader.segment(next.segment)
    // Whoever takes it hears of what went wrong.
    read?.catch(() => undefined)
    this.#ahead = read && { position: JSON.stringify(next), read }
  }

  async #take<T>(position: Position, read: () => Promise<T>): Promise<T> {
    const ahead = this.#ahead
    this.#ahead = undefined
    return ahead?.position === JSON.stringify(position) ? (ahead.read as Promise<T>) : read()
  }
}

const NOTHING_MORE: Piece = { changes: [], state: {}, compaction: undefined, next: undefined }

function* upTo(
  key: string,
  changes: Iterable<Change<Uint8Array>>,
  revision: Revision,
): Generator<Change<Uint8Array>, void> {
  try {
    for (const change of changes) {
      if (change.main > revision) {
        return
      }
      yield change
    }
  } catch (error) {
    throw brokenBy(key, error)
  }
}

/** Of a segment that ends later. A complete table is that of its end. */
function leasesUpTo({ leases }: ArchivedState, revision: Revision): ArchivedState {
  if (leases === undefined || leases.complete) {
    return {}
  }
  const journal = leases.journal.filter(([at]) => at <= revision)
  return { leases: { complete: false, journal } }
}
