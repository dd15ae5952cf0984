import type { LeaseId } from '../../src/mvcc/types.ts'

/** What a waiting call has come to: its turn, or its turn without the key that it stood with. */
export type Fate = 'waits' | 'won' | 'expired' | 'no-lease' | 'dropped'

interface Entry {
  readonly lease: LeaseId
  /** When it was created, as a count. */
  readonly created: number
}

interface Call {
  readonly lease: LeaseId
  readonly created: number
  fate: Fate
}

/** One lock's queue as etcd's own recipe would leave it, said as plainly as possible. */
export class QueueModel {
  readonly calls: Call[] = []
  readonly #leases = new Set<LeaseId>()
  #queue: Entry[] = []
  #count = 0

  get queue(): readonly LeaseId[] {
    return this.#queue.map(({ lease }) => lease)
  }

  grant(lease: LeaseId): void {
    this.#leases.add(lease)
  }

  has(lease: LeaseId): boolean {
    return this.#leases.has(lease)
  }

  lock(lease: LeaseId): void {
    let entry = this.#queue.find((other) => other.lease === lease)
    if (entry === undefined && !this.has(lease)) {
      this.calls.push({ lease, created: 0, fate: 'no-lease' })
      return
    }
    if (entry === undefined) {
      entry = { lease, created: ++this.#count }
      this.#queue.push(entry)
    }
    this.calls.push({ lease, created: entry.created, fate: 'waits' })
    this.#turns()
  }

  /** Deletes the lease's key, which is what an unlock does whoever asks for it. */
  unlock(lease: LeaseId): void {
    this.#queue = this.#queue.filter((entry) => entry.lease !== lease)
    this.#turns()
  }

  revoke(lease: LeaseId): void {
    this.#leases.delete(lease)
    this.unlock(lease)
  }

  drop(call: number): void {
    const dropped = this.calls[call]
    if (dropped?.fate === 'waits') {
      dropped.fate = 'dropped'
      this.unlock(dropped.lease)
    }
  }

  #turns(): void {
    for (const call of this.calls.filter(({ fate }) => fate === 'waits')) {
      if (this.#queue.every(({ created }) => created >= call.created)) {
        call.fate = this.queue.includes(call.lease) ? 'won' : 'expired'
      }
    }
  }
}
