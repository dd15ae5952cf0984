import { Lessor } from '../../src/lease/lessor.ts'
import { Store } from '../../src/mvcc/store.ts'
import { type Event, EventType, type LeaseId, type Revision } from '../../src/mvcc/types.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

/** A store and its lessor over one database, and what they told of their changes. */
export class Keyspace {
  readonly sql = openNodeSql()
  readonly #random: () => bigint
  readonly changes: { readonly revision: Revision; readonly events: readonly Event[] }[] = []
  store: Store
  lessor: Lessor

  constructor(random = countingIds()) {
    this.#random = random
    this.store = this.#openStore()
    this.lessor = new Lessor(this.sql, this.store, random)
  }

  /** As when a Durable Object is evicted: memory is lost, the database stays. */
  evict(): void {
    this.store = this.#openStore()
    this.lessor = new Lessor(this.sql, this.store, this.#random)
  }

  put(key: string, lease: LeaseId): void {
    this.store.put({
      key: new TextEncoder().encode(key),
      value: new Uint8Array(0),
      lease,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    })
  }

  keysOf(lease: LeaseId): readonly string[] {
    return this.store.leasedKeys(lease).map((key) => new TextDecoder().decode(key))
  }

  /** The keys deleted since the last call, grouped by revision. */
  takeDeletions(): readonly (readonly string[])[] {
    return this.changes
      .splice(0)
      .map(({ events }) =>
        events
          .filter((event) => event.type === EventType.DELETE)
          .map((event) => new TextDecoder().decode(event.kv.key)),
      )
      .filter((keys) => keys.length > 0)
  }

  /** Rows that `body` writes by the lessor's own statements. */
  rowsWritten(body: () => void): number {
    this.sql.changes = 0
    body()
    return this.sql.changes
  }

  #openStore(): Store {
    return new Store(this.sql, {
      txnOpsMax: 128,
      hasLease: (lease) => this.lessor.has(lease),
      changed: (revision, events) => {
        this.changes.push({ revision, events: events === 'many' ? [] : events })
      },
    })
  }
}

function countingIds(): () => bigint {
  let last = 1000n
  return () => ++last
}
