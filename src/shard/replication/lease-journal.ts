import type { LeaseChange } from '../../archive/state.ts'
import { crc32c } from '../../mvcc/crc32c.ts'
import type { LeaseId, Revision } from '../../mvcc/types.ts'

/** What is remembered of leases at most until it is sent; beyond that the table of them is sent. */
export const JOURNAL_MAX = 20_000

interface Granted {
  readonly ID: LeaseId
  readonly TTL: number
}

/**
 * What became of leases since the last segment: they have no history in the store. It also keeps a sum of
 * all that live, in constant time, by which an object that has lost its memory sees whether it has missed
 * something.
 */
export class LeaseJournal {
  #entries: LeaseChange[] = []
  #isWhole = true
  #count = 0
  #sum = 0
  /** Counts what is noted: whoever has seen all at one number need not look again. */
  changes = 0

  /** `granted` are the leases that live. */
  constructor(granted: readonly Granted[]) {
    for (const { ID, TTL } of granted) {
      this.#add(ID, TTL, 1)
    }
  }

  /** Tells two tables of leases apart, but for a chance in billions. */
  get mark(): string {
    return `${this.#count}/${this.#sum}`
  }

  granted(revision: Revision, id: LeaseId, ttl: number): void {
    this.#add(id, ttl, 1)
    this.#note([revision, id.toString(), ttl])
  }

  /** `revision` is that at which the lease and its keys are gone. */
  revoked(revision: Revision, id: LeaseId, ttl: number): void {
    this.#add(id, ttl, -1)
    this.#note([revision, id.toString(), null])
  }

  /**
   * What happened since the last time; undefined where that was too much, or is not known, so that the
   * leases that live now are to be sent. What happens from now on is noted anew.
   */
  take(): readonly LeaseChange[] | undefined {
    const taken = this.#isWhole ? this.#entries : undefined
    this.#entries = []
    this.#isWhole = true
    return taken
  }

  /** What was taken could not be sent. */
  putBack(taken: readonly LeaseChange[] | undefined): void {
    if (
      taken === undefined ||
      !this.#isWhole ||
      taken.length + this.#entries.length > JOURNAL_MAX
    ) {
      this.broken()
    } else {
      this.#entries = [...taken, ...this.#entries]
    }
  }

  /** What was noted is not all that happened since the last segment. */
  broken(): void {
    this.#entries = []
    this.#isWhole = false
  }

  #note(entry: LeaseChange): void {
    this.changes++
    if (!this.#isWhole) {
      return
    }
    if (this.#entries.length < JOURNAL_MAX) {
      this.#entries.push(entry)
    } else {
      this.broken()
    }
  }

  #add(id: LeaseId, ttl: number, sign: 1 | -1): void {
    this.#count += sign
    this.#sum += sign * crc32c(utf8.encode(`${id}/${ttl}`))
  }
}

const utf8 = new TextEncoder()
