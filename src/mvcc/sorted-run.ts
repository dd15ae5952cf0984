import { assert } from './errors.ts'
import { compareSortKeys, sortKeyOf } from './sort-order.ts'
import type { Sql } from './sql.ts'
import { type ChangeId, type KeyValue, type RangeRequest, SortTarget } from './types.ts'
import { versionAt } from './versions.ts'

/** A head that is no longer than this stays in memory until it is answered. */
const HEAD_BYTES_MAX = 1024
/** What a change takes in memory: eight bytes for its revision and four for its place in it. */
const ID_BYTES = 12
/** What a run takes besides, without its head. */
const RUN_BYTES = 256

/** The first of a run that is not answered yet. */
interface Head {
  /** Of a value that is long only its beginning. */
  readonly sortKey: number | Uint8Array
  readonly isCut: boolean
  /** Undefined where it is read once more when it is answered. */
  readonly kv: KeyValue | undefined
}

/** A version, and the change that has made it. */
export type Placed = readonly [ChangeId, KeyValue]

/**
 * Some versions of a range in the order of its answer. In memory are the changes that made them, and
 * something of the first one; the log has the rest.
 */
export class SortedRun {
  readonly #request: RangeRequest
  readonly #place: number
  readonly #mains: Float64Array
  readonly #subs: Uint32Array
  #next = 0
  #head: Head | undefined

  /**
   * Sorts what it is given, so that equals stay in their order, and keeps what a limit wants. The
   * `place` tells which run comes first of those that begin with equals.
   */
  constructor(request: RangeRequest, place: number, versions: Placed[]) {
    this.#request = request
    this.#place = place
    versions.sort(([, a], [, b]) =>
      compareSortKeys(request, sortKeyOf(request, a), sortKeyOf(request, b)),
    )
    const kept = request.limit > 0 ? versions.slice(0, request.limit) : versions
    this.#mains = Float64Array.from(kept, ([{ main }]) => main)
    this.#subs = Uint32Array.from(kept, ([{ sub }]) => sub)
    this.#head = kept[0] && headOf(request, kept[0][1], isWhole(request))
  }

  get bytes(): number {
    return RUN_BYTES + HEAD_BYTES_MAX + this.#mains.length * ID_BYTES
  }

  get ended(): boolean {
    return this.#head === undefined
  }

  /** Answers the first one, and goes on to the next. */
  shift(sql: Sql): KeyValue {
    const first = this.#load(sql)
    this.#next++
    this.#head = undefined
    if (this.#next < this.#mains.length) {
      this.#head = headOf(this.#request, this.#load(sql), true)
    }
    return first
  }

  #load(sql: Sql): KeyValue {
    const id = { main: this.#mains[this.#next] ?? 0, sub: this.#subs[this.#next] ?? 0 }
    return this.#head?.kv ?? versionAt(sql, id, answeredKind(this.#request))
  }

  /** Whether this one's first comes before the other's. */
  precedes(other: SortedRun, sql: Sql): boolean {
    const order = this.#compare(other, sql)
    return order === 0 ? this.#place < other.#place : order < 0
  }

  #compare(other: SortedRun, sql: Sql): number {
    const [a, b] = [this.#head, other.#head]
    assert(a !== undefined && b !== undefined, 'runs that have ended are not compared')
    const order = compareSortKeys(this.#request, a.sortKey, b.sortKey)
    return order === 0 && (a.isCut || b.isCut)
      ? compareSortKeys(this.#request, this.#load(sql).value, other.#load(sql).value)
      : order
  }
}

/** What is read to sort by: `answeredKind` reads what is answered. */
export function sortedKind({ sortTarget }: RangeRequest): 'values' | 'heads' {
  return sortTarget === SortTarget.VALUE ? 'values' : 'heads'
}

function answeredKind(request: RangeRequest): 'values' | 'heads' {
  return request.keysOnly ? sortedKind(request) : 'values'
}

/** Whether what is read to sort by is all that is answered. */
function isWhole(request: RangeRequest): boolean {
  return sortedKind(request) === answeredKind(request)
}

function headOf(request: RangeRequest, kv: KeyValue, whole: boolean): Head {
  const sortKey = sortKeyOf(request, kv)
  const isLong = kv.key.length + kv.value.length > HEAD_BYTES_MAX
  const isCut = isLong && typeof sortKey !== 'number' && sortKey.length > HEAD_BYTES_MAX
  return {
    // What is read is a view of all that was read with it, which must not stay in memory.
    sortKey: typeof sortKey === 'number' ? sortKey : sortKey.slice(0, HEAD_BYTES_MAX),
    isCut,
    kv: whole && !isLong ? { ...kv, key: kv.key.slice(), value: kv.value.slice() } : undefined,
  }
}
