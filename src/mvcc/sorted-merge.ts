import { assert } from './errors.ts'
import type { SortedRun } from './sorted-run.ts'
import type { Sql } from './sql.ts'
import type { KeyValue } from './types.ts'

/** Runs as one: a binary heap of those that have not ended, by what comes next of each. */
export class SortedMerge {
  readonly #heap: SortedRun[] = []

  add(run: SortedRun, sql: Sql): void {
    const heap = this.#heap
    let place = heap.push(run) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.precedes(run, sql)) {
        break
      }
      heap[place] = above
      place = parent
    }
    heap[place] = run
  }

  /** Answers what comes next of all. */
  shift(sql: Sql): KeyValue {
    const [first] = this.#heap
    assert(first !== undefined, 'more is asked of a sorted range than was found')
    const kv = first.shift(sql)
    const last = first.ended ? this.#heap.pop() : first
    if (last !== undefined && this.#heap.length > 0) {
      this.#sink(last, sql)
    }
    return kv
  }

  /** Puts a run where it belongs, from the first place on. */
  #sink(run: SortedRun, sql: Sql): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      const left = 2 * place + 1
      const [a, b] = [heap[left], heap[left + 1]]
      const below = a === undefined || b === undefined || a.precedes(b, sql) ? a : b
      if (below === undefined || run.precedes(below, sql)) {
        break
      }
      heap[place] = below
      place = below === a ? left : left + 1
    }
    heap[place] = run
  }
}
