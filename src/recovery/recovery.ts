import { ArchiveDamage } from '../archive/archive-damage.ts'
import type { FullEnd } from '../archive/full.ts'
import { partKey, segmentKey } from '../archive/names.ts'
import type { ArchivedCompaction } from '../archive/origin.ts'
import { type Expected, nextOf, type Segment } from '../archive/segment.ts'
import type { ArchivedState } from '../archive/state.ts'
import { requireRowsBehind, rowsIn } from '../archive/v2-rows.ts'
import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import type { V2Row } from '../v2/row-change.ts'
import { type ArchiveReader, brokenBy } from './archive-reader.ts'
import { BrokenArchive } from './broken-archive.ts'
import type { Point } from './point.ts'

/** What is to be read next: a part of the full, or a segment. */
export type Position = ({ readonly part: number } | { readonly segment: Expected }) & {
  /** The index that the v2 store has before it; undefined where nothing has told of one. */
  readonly v2?: number | undefined
}

export const BEGINNING: Position = { part: 0 }

/** An object's share in the state at a point. */
export interface Piece {
  /** Of the log, in order. Iterating throws BrokenArchive. */
  readonly changes: Iterable<Change<Uint8Array>>
  /** Behind the changes: what is there replaces what was there. */
  readonly state: ArchivedState
  /** Of the v2 store, behind all else. Iterating throws BrokenArchive. */
  readonly rows: Iterable<V2Row>
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
    return 'part' in position ? this.#partPiece(position) : this.#segmentPiece(position)
  }

  async #partPiece({ part: number, v2 }: Extract<Position, { part: number }>): Promise<Piece> {
    const end = await this.end()
    const part = await this.#take({ part: number }, () => this.#reader.part(end, number))
    const next = this.#behindPart(end, number, part.state.v2?.to ?? v2)
    this.#readAhead(end, next)
    const key = partKey(this.#reader.archive, end, number)
    return {
      changes: upTo(key, part.changes, this.point.revision),
      state: part.state,
      rows: rowsOf(key, part.state),
      // It has to be known before any change.
      compaction: number === 0 ? end.compaction : undefined,
      next,
    }
  }

  #behindPart(end: FullEnd, number: number, v2: number | undefined): Position | undefined {
    if (number + 1 < end.parts.length) {
      return { part: number + 1, v2 }
    }
    const { chain } = this.point.base
    const { epoch, seq, revision, previous } = end
    return chain && { segment: { epoch, seq: seq + 1, from: revision + 1, previous }, v2 }
  }

  async #segmentPiece({
    segment: expected,
    v2,
  }: Extract<Position, { segment: Expected }>): Promise<Piece> {
    const { revision } = this.point
    const key = segmentKey(this.#reader.archive, expected)
    const segment = await this.#take({ segment: expected }, () => this.#segment(expected))
    if (segment === undefined) {
      if (expected.from <= revision || expected.seq <= this.#known) {
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
        rows: [],
        compaction: undefined,
        next: undefined,
      }
    }
    const { state } = segment
    const next = { segment: nextOf(segment), v2: state.v2?.to ?? v2 }
    this.#readAhead(undefined, next)
    return {
      changes: upTo(key, segment.changes, revision),
      state,
      rows: rowsBehind(key, state, v2),
      compaction: header.compaction,
      next,
    }
  }

  /** The number of the last segment that the manifest knows. */
  get #known(): number {
    return this.point.base.chain?.last.seq ?? 0
  }

  #segment(expected: Expected): Promise<Segment | undefined> {
    return this.#reader.segment(expected, this.#known)
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
      'part' in next ? end && this.#reader.part(end, next.part) : this.#segment(next.segment)
    // Whoever takes it hears of what went wrong.
    read?.catch(() => undefined)
    this.#ahead = read && { position: nameOf(next), read }
  }

  async #take<T>(position: Position, read: () => Promise<T>): Promise<T> {
    const ahead = this.#ahead
    this.#ahead = undefined
    return ahead?.position === nameOf(position) ? (ahead.read as Promise<T>) : read()
  }
}

const NOTHING_MORE: Piece = {
  changes: [],
  state: {},
  rows: [],
  compaction: undefined,
  next: undefined,
}

/** Of what is read for it. */
function nameOf(position: Position): string {
  return JSON.stringify('part' in position ? position.part : position.segment)
}

function* rowsOf(key: string, { v2 }: ArchivedState): Generator<V2Row, void> {
  try {
    if (v2 !== undefined) {
      yield* rowsIn(v2)
    }
  } catch (error) {
    throw brokenBy(key, error)
  }
}

/** Those that follow from the rows of an index. */
function rowsBehind(key: string, state: ArchivedState, index: number | undefined): Iterable<V2Row> {
  try {
    if (state.v2 !== undefined) {
      requireRowsBehind(state.v2, index)
    }
  } catch (error) {
    throw brokenBy(key, error)
  }
  return rowsOf(key, state)
}

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
