import { assert } from '../mvcc/errors.ts'

/** What memory holds of a lease. Times are in milliseconds since 1970. */
export interface Lease {
  /** In decimal, as in its row, so that reading many leases does not make as many bigints. */
  readonly id: string
  /** Seconds, as granted. */
  readonly ttl: number
  /** From here on the lease has expired and waits for its revocation. */
  deadline: number
  /** The row's `expiry`: never before `deadline`. */
  expiry: number
  /** Where the queue keeps the lease, so that it is found there without a search. */
  position: number
}

/**
 * The leases by deadline: a binary heap in which every lease knows its place. A kept-alive lease
 * moves within it in O(log n), hence the queue holds no entry that is out of date.
 */
export class LeaseQueue {
  readonly #heap: Lease[] = []

  get first(): Lease | undefined {
    return this.#heap[0]
  }

  add(lease: Lease): void {
    this.#heap.push(lease)
    this.#rise(lease, this.#heap.length - 1)
  }

  /** Puts a lease whose deadline has changed where it now belongs. */
  move(lease: Lease): void {
    assert(this.#heap[lease.position] === lease, 'a lease is not where it says in the queue')
    this.#rise(lease, lease.position)
    this.#sink(lease, lease.position)
  }

  remove(lease: Lease): void {
    assert(this.#heap[lease.position] === lease, 'a lease is not where it says in the queue')
    const last = this.#heap.pop()
    if (last !== undefined && last !== lease) {
      last.position = lease.position
      this.#heap[last.position] = last
      this.move(last)
    }
  }

  /** At most `max` of the leases whose deadline has come, earliest first. They stay queued. */
  due(now: number, max: number): readonly Lease[] {
    const due: Lease[] = []
    for (let lease = this.first; lease !== undefined; lease = this.first) {
      if (lease.deadline > now || due.length >= max) {
        break
      }
      due.push(lease)
      this.remove(lease)
    }
    for (const lease of due) {
      this.add(lease)
    }
    return due
  }

  #rise(lease: Lease, from: number): void {
    let position = from
    while (position > 0) {
      const above = (position - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || parent.deadline <= lease.deadline) {
        break
      }
      this.#place(parent, position)
      position = above
    }
    this.#place(lease, position)
  }

  #sink(lease: Lease, from: number): void {
    let position = from
    for (;;) {
      const left = 2 * position + 1
      const right = left + 1
      const below = this.#deadlineAt(right) < this.#deadlineAt(left) ? right : left
      const child = this.#heap[below]
      if (child === undefined || lease.deadline <= child.deadline) {
        break
      }
      this.#place(child, position)
      position = below
    }
    this.#place(lease, position)
  }

  #deadlineAt(position: number): number {
    return this.#heap[position]?.deadline ?? Number.POSITIVE_INFINITY
  }

  #place(lease: Lease, position: number): void {
    this.#heap[position] = lease
    lease.position = position
  }
}
