import type { Revision } from '../mvcc/types.ts'
import type { PageCursor } from '../protocol/shard-rpc.ts'

/** After this long without a page read, a paged answer has lost its client. */
export const OPEN_MS_MAX = 60_000
/** With more at once, the one that was read longest ago is given up. */
const OPEN_MAX = 10_000

/** What is kept for an answer. */
type Kept = Pick<PageCursor, 'revision' | 'order'>

interface Open {
  readonly kept: Kept
  /** Milliseconds since 1970. */
  readonly until: number
}

/**
 * The paged answers that are under way, by numbers that their cursors carry. The revision of each is
 * pinned for it, until its last page, until its client is known to be gone, or for a minute.
 */
export class OpenRanges {
  /** The one that was read longest ago comes first. */
  readonly #open = new Map<number, Open>()
  readonly #ended: (kept: Kept) => void
  #last: number

  /**
   * `ended` is told of each that is over. The numbers begin at `first`, so that cursors of an object
   * that has lost its memory mean nothing here.
   */
  constructor(first: number, ended: (kept: Kept) => void) {
    this.#last = first
    this.#ended = ended
  }

  count(now: number): number {
    this.#dropStale(now)
    return this.#open.size
  }

  /** Another page has been read: what is behind it is kept. Answers the number for its cursor. */
  keep({ revision, order, open }: Kept & Pick<PageCursor, 'open'>, now: number): number {
    this.#dropStale(now)
    const known = open !== undefined && this.#open.delete(open)
    const number = known ? open : ++this.#last
    this.#open.set(number, { kept: { revision, order }, until: now + OPEN_MS_MAX })
    const [oldest] = this.#open.keys()
    if (this.#open.size > OPEN_MAX && oldest !== undefined) {
      this.end(oldest)
    }
    return number
  }

  end(open: number | undefined): void {
    const known = open === undefined ? undefined : this.#open.get(open)
    if (open !== undefined && known !== undefined) {
      this.#open.delete(open)
      this.#ended(known.kept)
    }
  }

  /** The lowest revision that is still to be read. */
  lowest(now: number): Revision | undefined {
    this.#dropStale(now)
    let lowest: Revision | undefined
    for (const { kept } of this.#open.values()) {
      lowest = Math.min(kept.revision, lowest ?? kept.revision)
    }
    return lowest
  }

  #dropStale(now: number): void {
    for (const [open, { until }] of this.#open) {
      if (until > now) {
        return
      }
      this.end(open)
    }
  }
}
