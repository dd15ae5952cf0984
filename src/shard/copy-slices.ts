import { SUB_MAX } from '../mvcc/change-id.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import { type CopiedLog, copiedBytes, LOG_BYTES_ENOUGH } from './copy-source.ts'

/** So many slices are under way, which hides a round trip between regions: 4 MiB in all. */
const UNDER_WAY = 8
/** Revisions of the first slices, when nothing is known of their length. */
const FIRST_WIDTH = 64
/** How much wider the next ones may be at once. */
const GROWTH = 8
/** Those that turn out longer than expected are still answered as a whole, mostly. */
const FILL = 0.75

interface Slice {
  /** The change before its first one. */
  readonly after: ChangeId
  readonly until: Revision
  readonly answer?: Promise<CopiedLog>
}

/**
 * Reads the log of another keyspace in its order, slice by slice, of which some are asked for ahead. How many
 * revisions a slice should have says the length of those before; of one that was too long the rest is asked for.
 */
export class CopySlices {
  readonly #ask: (after: ChangeId, until: Revision) => Promise<CopiedLog>
  #slices: readonly Slice[]
  #width = FIRST_WIDTH

  constructor(
    ask: (after: ChangeId, until: Revision) => Promise<CopiedLog>,
    after: ChangeId,
    until: Revision,
  ) {
    this.#ask = ask
    this.#slices = [{ after, until }]
  }

  /** Whether all was answered. */
  get isDone(): boolean {
    return this.#slices.length === 0
  }

  /** What comes next. */
  async next(): Promise<CopiedLog> {
    this.#askAhead()
    const [first, ...rest] = this.#slices
    if (first?.answer === undefined) {
      throw new Error('all was answered')
    }
    const log = await first.answer
    const last = log.pieces.at(-1)?.last
    const end = last?.main ?? first.until
    this.#learn(end - first.after.main, copiedBytes(log))
    this.#slices = last === undefined ? rest : [{ after: last, until: first.until }, ...rest]
    this.#askAhead()
    return log
  }

  #learn(revisions: number, bytes: number): void {
    const wanted = (FILL * LOG_BYTES_ENOUGH * revisions) / Math.max(bytes, 1)
    this.#width = Math.max(1, Math.ceil(Math.min(wanted, GROWTH * this.#width)))
  }

  #askAhead(): void {
    const slices: Slice[] = []
    for (let left = this.#slices; slices.length < UNDER_WAY;) {
      const [slice, ...rest] = left
      if (slice === undefined) {
        break
      }
      const end = slice.after.main + this.#width
      const isCut = slice.answer === undefined && end < slice.until
      slices.push(this.#asked(isCut ? { after: slice.after, until: end } : slice))
      left = isCut ? [{ after: { main: end, sub: SUB_MAX }, until: slice.until }, ...rest] : rest
      this.#slices = [...slices, ...left]
    }
  }

  #asked(slice: Slice): Slice {
    if (slice.answer !== undefined) {
      return slice
    }
    const answer = this.#ask(slice.after, slice.until)
    // Whoever waits for it hears of its failure.
    answer.catch(() => undefined)
    return { ...slice, answer }
  }
}
