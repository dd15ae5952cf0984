import { assert, EngineError } from '../mvcc/errors.ts'
import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import { type LeaseId, NO_LEASE } from '../mvcc/types.ts'
import { type Lease, LeaseQueue } from './lease-queue.ts'

/** Seconds. etcd derives it from its election timeout: ceil(1.5 × 1 s). */
export const TTL_SECONDS_MIN = 2
/** Seconds, etcd's own (server/lease/lessor.go). In ms and half as much again: a safe integer. */
const TTL_SECONDS_MAX = 9_000_000_000
/** 2189-01-01 in ms since 1970: a Durable Object sets no alarm after that year. */
export const DEADLINE_MS_MAX = 6_911_049_600_000
/** One scan's share of etcd's rate, 1000 revocations a second in two scans. */
export const EXPIRED_LEASES_MAX = 500

const SELECT_LEASES = 'SELECT id, ttl, expiry FROM lease'
export const INSERT_LEASE = 'INSERT INTO lease (id, ttl, expiry) VALUES (?, ?, ?)'
const UPDATE_EXPIRY = 'UPDATE lease SET expiry = ? WHERE id = ?'
const EXTEND_ALL = 'UPDATE lease SET expiry = ? + ttl * 1000 WHERE expiry < ? + ttl * 1000'
export const DELETE_LEASE = 'DELETE FROM lease WHERE id = ?'

/** The keys that are attached to leases: what a lessor asks of the store. */
export interface LeasedKeys {
  /** Deletes them in one revision, within the caller's transaction, in byte order. */
  deleteLeased(lease: LeaseId): void
}

/** Who hears of what becomes of leases. */
export interface LeaseEvents {
  /** For so many seconds. */
  granted(id: LeaseId, ttl: number): void
  renewed(): void
  /** By whoever; an expired one too. */
  revoked(id: LeaseId, ttl: number): void
}

const nobody: LeaseEvents = {
  granted: () => undefined,
  renewed: () => undefined,
  revoked: () => undefined,
}

/** An `ID` of 0 asks for one that is free, a `TTL` in seconds below 2 is raised to that. */
export interface LeaseGrantRequest {
  readonly ID: LeaseId
  readonly TTL: number
}

export interface LeaseGrantResult {
  readonly ID: LeaseId
  readonly TTL: number
}

/** Seconds; `TTL` is what remains, and −1 with a `grantedTTL` of 0 for a lease that is not there. */
export interface LeaseTimeToLiveResult {
  readonly TTL: number
  readonly grantedTTL: number
}

/**
 * Grants, renews and revokes leases. `now` is the caller's clock in milliseconds since 1970.
 *
 * A lease's deadline is in memory alone; its row holds an `expiry` that is never before it, so that
 * a renewal seldom writes. After memory was lost the expiry becomes the deadline. For a TTL of 60 s:
 *
 *     second  0  grant       deadline  60   expiry  60   row written
 *     second 20  keep-alive  deadline  80   expiry 110   row written: 80 is past 60
 *     second 40  keep-alive  deadline 100   expiry 110
 *     second 60  keep-alive  deadline 120   expiry 150   row written: 120 is past 110
 *
 * A renewal that writes sets the expiry 1.5 TTL ahead, and the next one to write is more than half
 * a TTL later: at most two rows are written in a TTL. The deadline is one TTL after the last
 * renewal and the expiry at most 1.5 TTL after it, hence a lease that nobody keeps alive expires
 * after its TTL exactly, or up to half a TTL later when memory was lost since.
 *
 * Each method that writes is a transaction, and touches memory once that has succeeded. Whoever
 * makes it part of a larger transaction, and rolls that back, goes on with a new Lessor, as after
 * an eviction.
 */
export class Lessor {
  readonly #sql: Sql
  readonly #keys: LeasedKeys
  readonly #random: () => bigint
  readonly #leases = new Map<string, Lease>()
  readonly #queue = new LeaseQueue()
  readonly #events: LeaseEvents

  /** `random` gives positive int64s, for the leases whose id the client leaves to us. */
  constructor(sql: Sql, keys: LeasedKeys, random: () => bigint, events = nobody) {
    this.#events = events
    this.#sql = sql
    this.#keys = keys
    this.#random = random
    for (const [id, ttl, expiry] of this.#sql.iterate(SELECT_LEASES)) {
      this.#hold(textOf(id), numberOf(ttl), numberOf(expiry))
    }
  }

  /** Whether keys can be attached: true until the lease is revoked, even when it has expired. */
  has(id: LeaseId): boolean {
    return this.#leases.has(String(id))
  }

  /** Throws `lease-ttl-too-large`, else `lease-exists`: etcd looks at the TTL first. */
  grant(request: LeaseGrantRequest, now: number): LeaseGrantResult {
    if (request.TTL > TTL_SECONDS_MAX) {
      throw new EngineError('lease-ttl-too-large')
    }
    const ID = request.ID === NO_LEASE ? this.#freeId() : request.ID
    if (this.has(ID)) {
      throw new EngineError('lease-exists')
    }
    const TTL = Math.max(request.TTL, TTL_SECONDS_MIN)
    const expiry = now + TTL * 1000
    this.#sql.run(INSERT_LEASE, String(ID), TTL, expiry)
    this.#hold(String(ID), TTL, expiry)
    this.#events.granted(ID, TTL)
    return { ID, TTL }
  }

  /**
   * Deletes the lease and its keys, these in one revision and in byte order; a lease without keys
   * makes no revision. Throws `lease-not-found`.
   */
  revoke(id: LeaseId): void {
    const lease = this.#leases.get(String(id))
    if (lease === undefined) {
      throw new EngineError('lease-not-found')
    }
    this.#sql.transaction(() => {
      this.#sql.run(DELETE_LEASE, lease.id)
      // Last, because from here on the store knows of the revision: nothing may fail after it.
      this.#keys.deleteLeased(id)
    })
    this.#leases.delete(lease.id)
    this.#queue.remove(lease)
    this.#events.revoked(id, lease.ttl)
  }

  /**
   * The renewed TTL in seconds, or 0 when there is no such lease. One that has expired is revoked
   * first, as etcd's answer waits for the revocation: a client that reads 0 finds the keys gone.
   */
  keepAlive(id: LeaseId, now: number): number {
    const lease = this.#leases.get(String(id))
    if (lease === undefined) {
      return 0
    }
    if (lease.deadline <= now) {
      this.revoke(id)
      return 0
    }
    const deadline = now + lease.ttl * 1000
    if (deadline > lease.expiry) {
      const expiry = now + lease.ttl * 1500
      this.#sql.run(UPDATE_EXPIRY, expiry, lease.id)
      lease.expiry = expiry
    }
    lease.deadline = deadline
    this.#queue.move(lease)
    this.#events.renewed()
    return lease.ttl
  }

  /**
   * Gives each lease its full TTL again, as etcd does where another member leads from now on: nobody could
   * be kept alive before, and the clocks of two machines differ.
   */
  extendAll(now: number): void {
    this.#sql.run(EXTEND_ALL, now, now)
    for (const lease of this.#leases.values()) {
      const deadline = now + lease.ttl * 1000
      lease.deadline = Math.max(lease.deadline, deadline)
      lease.expiry = Math.max(lease.expiry, deadline)
      this.#queue.move(lease)
    }
  }

  timeToLive(id: LeaseId, now: number): LeaseTimeToLiveResult {
    const lease = this.#leases.get(String(id))
    if (lease === undefined) {
      return { TTL: -1, grantedTTL: 0 }
    }
    const seconds = Math.trunc((lease.deadline - now) / 1000)
    return {
      // After a reload the deadline may be half a TTL late. The sum turns −0 into 0.
      TTL: Math.min(seconds, lease.ttl) + 0,
      grantedTTL: lease.ttl,
    }
  }

  /**
   * What another lessor has made of a lease: granted it for so many seconds, from `now` on, or ended it. Its keys are
   * the caller's business, and nobody hears of it.
   */
  follow(id: LeaseId, ttl: number | null, now: number): void {
    const lease = this.#leases.get(String(id))
    if (lease !== undefined) {
      this.#sql.run(DELETE_LEASE, lease.id)
      this.#leases.delete(lease.id)
      this.#queue.remove(lease)
    }
    if (ttl !== null) {
      const expiry = now + ttl * 1000
      this.#sql.run(INSERT_LEASE, String(id), ttl, expiry)
      this.#hold(String(id), ttl, expiry)
    }
  }

  /** Every lease that is not revoked; the one that expires next comes first. */
  leases(): readonly LeaseId[] {
    return [...this.#leases.values()].toSorted((a, b) => a.deadline - b.deadline).map(idOf)
  }

  /** Every lease that is not revoked with the TTL that it was granted, in no order. */
  granted(): readonly LeaseGrantResult[] {
    return [...this.#leases.values()].map((lease) => ({ ID: idOf(lease), TTL: lease.ttl }))
  }

  /** At most `max` expired leases, earliest first. The caller revokes each, in a revision each. */
  expired(now: number, max: number): readonly LeaseId[] {
    return this.#queue.due(now, max).map(idOf)
  }

  /** When `expired` next has something to say, in ms since 1970, or earlier if that is too far. */
  nextDeadline(): number | undefined {
    const lease = this.#queue.first
    return lease && Math.min(lease.deadline, DEADLINE_MS_MAX)
  }

  #hold(id: string, ttl: number, expiry: number): void {
    const lease: Lease = { id, ttl, deadline: expiry, expiry, position: 0 }
    this.#leases.set(id, lease)
    this.#queue.add(lease)
  }

  #freeId(): LeaseId {
    for (;;) {
      const id = this.#random()
      assert(id > 0n && id < 1n << 63n, `${id} is not a positive int64`)
      if (!this.has(id)) {
        return id
      }
    }
  }
}

function idOf(lease: Lease): LeaseId {
  return BigInt(lease.id)
}
