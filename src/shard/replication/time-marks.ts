import type { Mark } from '../../archive/origin.ts'
import type { Revision } from '../../mvcc/types.ts'

/** At most one mark in so many milliseconds; twice as many each time that there are too many. */
const SPACE_MS = 1000
export const TIME_MARKS_MAX = 256

/** When which revision was the last one, for whoever looks for a time later. */
export class TimeMarks {
  #marks: Mark[] = []
  #spaceMs = SPACE_MS

  /** That is the last revision at the time, in ms since 1970. */
  saw(revision: Revision, now: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && (revision <= last[1] || now < last[0] + this.#spaceMs)) {
      return
    }
    this.#marks.push([now, revision])
    if (this.#marks.length > TIME_MARKS_MAX) {
      this.#marks = this.#marks.filter((_, place) => place % 2 === 1)
      this.#spaceMs *= 2
    }
  }

  /** Those of the revisions from one to another. */
  between(from: Revision, to: Revision): readonly Mark[] {
    return this.#marks.filter(([, revision]) => revision >= from && revision <= to)
  }

  /** Those up to a revision are of no more use. */
  sent(revision: Revision): void {
    this.#marks = this.#marks.filter((mark) => mark[1] > revision)
    if (this.#marks.length === 0) {
      this.#spaceMs = SPACE_MS
    }
  }
}
