import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { LeaseId } from '../../src/mvcc/types.ts'
import { Keyspace } from './keyspace.ts'

const START = 1_800_000_000_000
const ids = fc.constantFrom(1n, 2n, -3n)

/** Something that happens to three leases, their keys, the clock or the object's memory. */
export const leaseStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('grant'), id: ids, TTL: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('put'), id: ids, key: fc.nat(4) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('keepAlive'), id: ids }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(1500) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('evict') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire') }) },
)

export type LeaseStep =
  | { readonly kind: 'grant'; readonly id: LeaseId; readonly TTL: number }
  | { readonly kind: 'put'; readonly id: LeaseId; readonly key: number }
  | { readonly kind: 'keepAlive'; readonly id: LeaseId }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'evict' }
  | { readonly kind: 'expire' }

/** What a client knows of its lease. Times are in milliseconds. */
interface Heard {
  readonly TTL: number
  /** When it last heard that the lease lives. */
  last: number
  /** Whether memory was lost since then. */
  evicted: boolean
  /** When a keep-alive wrote a row. */
  readonly writes: number[]
}

/** Takes steps, and after each compares what the lessor says with what the clients know. */
export class LeaseHistory {
  readonly #keyspace = new Keyspace()
  readonly #heard = new Map<LeaseId, Heard>()
  #now = START

  take(step: LeaseStep): void {
    this.#take(step)
    this.#checkLeases()
    this.#checkDeadline()
  }

  /** When keep-alives of a lease wrote its row. */
  writesOf(id: LeaseId): readonly number[] {
    return this.#heard.get(id)?.writes ?? []
  }

  #take(step: LeaseStep): void {
    switch (step.kind) {
      case 'grant':
        this.#grant(step.id, step.TTL)
        break
      case 'put':
        if (this.#heard.has(step.id)) {
          this.#keyspace.put(`key ${step.key}`, step.id)
        }
        break
      case 'keepAlive':
        this.#keepAlive(step.id)
        break
      case 'pass':
        this.#now += step.ms
        break
      case 'evict':
        this.#keyspace.evict()
        for (const heard of this.#heard.values()) {
          heard.evicted = true
        }
        break
      case 'expire':
        this.#expire()
        break
    }
  }

  #grant(id: LeaseId, requested: number): void {
    const grant = () => this.#keyspace.lessor.grant({ ID: id, TTL: requested }, this.#now)
    if (this.#heard.has(id)) {
      assert.throws(grant, { message: 'lease-exists' })
      return
    }
    assert.equal(this.#keyspace.rowsWritten(grant), 1)
    const TTL = Math.max(requested, 2)
    this.#heard.set(id, { TTL, last: this.#now, evicted: false, writes: [] })
  }

  #keepAlive(id: LeaseId): void {
    const heard = this.#heard.get(id)
    const keys = this.#keyspace.keysOf(id)
    const expired = this.#expired(this.#now).includes(id)
    let TTL = -1
    const rows = this.#keyspace.rowsWritten(() => {
      TTL = this.#keyspace.lessor.keepAlive(id, this.#now)
    })
    if (heard === undefined || expired) {
      assert.equal(TTL, 0)
      this.#checkDeleted(keys)
      this.#heard.delete(id)
      return
    }
    assert.equal(TTL, heard.TTL)
    assert.ok(rows <= 1, `${rows} rows written`)
    heard.writes.push(...(rows === 1 ? [this.#now] : []))
    heard.last = this.#now
    heard.evicted = false
  }

  #expire(): void {
    for (const id of this.#expired(this.#now)) {
      const keys = this.#keyspace.keysOf(id)
      this.#keyspace.lessor.revoke(id)
      this.#checkDeleted(keys)
      this.#heard.delete(id)
    }
    assert.deepEqual(this.#expired(this.#now), [])
  }

  #expired(now: number): readonly LeaseId[] {
    return this.#keyspace.lessor.expired(now, 10)
  }

  #checkDeleted(keys: readonly string[]): void {
    assert.deepEqual(this.#keyspace.takeDeletions(), keys.length === 0 ? [] : [keys])
  }

  #checkLeases(): void {
    const { lessor } = this.#keyspace
    const expired = this.#expired(this.#now)
    assert.deepEqual(new Set(lessor.leases()), new Set(this.#heard.keys()))
    for (const [id, heard] of this.#heard) {
      const earliest = earliestExpiry(heard)
      const latest = latestExpiry(heard)
      if (expired.includes(id)) {
        assert.ok(this.#now >= earliest, `lease ${id} expired ${earliest - this.#now} ms early`)
      } else {
        assert.ok(this.#now < latest, `lease ${id} lives ${this.#now - latest} ms too long`)
      }
      const answer = lessor.timeToLive(id, this.#now)
      assert.equal(answer.grantedTTL, heard.TTL)
      assert.ok(answer.TTL <= heard.TTL, `${answer.TTL} s remain of ${heard.TTL}`)
      assert.ok(answer.TTL >= Math.trunc((earliest - this.#now) / 1000))
    }
  }

  /** Asks no `expired` of a later time, which would put the queue in order again. */
  #checkDeadline(): void {
    const heard = [...this.#heard.values()]
    const deadline = this.#keyspace.lessor.nextDeadline()
    assert.equal(deadline === undefined, heard.length === 0)
    if (deadline !== undefined) {
      assert.ok(deadline >= Math.min(...heard.map(earliestExpiry)))
      assert.ok(deadline <= Math.min(...heard.map(latestExpiry)))
    }
  }
}

function earliestExpiry({ last, TTL }: Heard): number {
  return last + TTL * 1000
}

/** Where memory was lost since the client last heard of its lease, half a TTL more. */
function latestExpiry({ last, TTL, evicted }: Heard): number {
  return last + TTL * (evicted ? 1500 : 1000)
}
