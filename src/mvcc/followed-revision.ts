import type { Change } from './history.ts'
import {
  appendLog,
  appendVersion,
  changeIdOf,
  DELETE_CURRENT,
  isInline,
  leaseParam,
  PUT_CURRENT,
  PUT_CURRENT_RETURNING,
  tombstone,
} from './log.ts'
import type { RecentHeads } from './recent-heads.ts'
import { BrokenHistory } from './restore.ts'
import { numberOf, type Sql } from './sql.ts'
import { type ChangeId, type Event, EventType, type KeyValue, type Revision } from './types.ts'
import { EVENTS_HELD_MAX } from './write.ts'

interface FollowParts {
  readonly heads: RecentHeads
  /** The most that a row holds of a key and its value. */
  readonly rowBytesMax: number
  readonly remember: (followed: FollowedRevision) => void
}

/**
 * One revision that another store has made, written behind this store's last one: the same rows with the same bytes. It
 * writes through the caller's SQL transaction. Throws BrokenHistory for what is not the next change.
 */
export class FollowedRevision {
  readonly #sql: Sql
  readonly #heads: RecentHeads
  readonly #rowBytesMax: number
  readonly revision: Revision
  readonly events: Event[] = []
  readonly created: Uint8Array[] = []
  readonly deleted: Uint8Array[] = []
  changes = 0
  #bytes = 0

  constructor(sql: Sql, revision: Revision, { heads, rowBytesMax }: FollowParts) {
    this.#sql = sql
    this.revision = revision
    this.#heads = heads
    this.#rowBytesMax = rowBytesMax
  }

  add({ main, sub, deleted, kv }: Change<Uint8Array>): void {
    if (main !== this.revision || sub !== this.changes) {
      throw notNext(this.revision)
    }
    const id = { main, sub }
    const event = deleted ? this.#delete(id, kv.key) : this.#put(id, kv)
    this.changes++
    this.#bytes += kv.key.length + kv.value.length
    if (this.events.length < EVENTS_HELD_MAX) {
      this.events.push(event)
    }
  }

  #put(id: ChangeId, kv: KeyValue): Event {
    const { key, value, lease } = kv
    const inline = isInline(value) ? value : null
    const length = inline === null ? value.length : null
    const params = [key, id.main, id.sub, id.main, leaseParam(lease), inline, length] as const
    // What this transaction has changed is not among them yet.
    const head = this.changes === 0 ? this.#heads.get(key) : undefined
    let replaced: ChangeId | undefined
    let createRevision: Revision
    let version: number
    if (head === undefined) {
      const row = this.#sql.first(PUT_CURRENT_RETURNING, ...params)
      createRevision = numberOf(row?.[0])
      version = numberOf(row?.[1])
      replaced = changeIdOf(row?.[2], row?.[3])
    } else {
      this.#sql.run(PUT_CURRENT, ...params)
      createRevision = head.createRevision
      version = head.version + 1
      replaced = { main: head.modRevision, sub: head.sub }
    }
    if (createRevision !== kv.createRevision || version !== kv.version) {
      throw notNext(this.revision)
    }
    if (inline === null) {
      appendVersion(this.#sql, id, kv, { replaced, rowBytesMax: this.#rowBytesMax })
    }
    if (version === 1) {
      this.created.push(key)
    }
    return { type: EventType.PUT, kv, prevKv: undefined, replaced }
  }

  #delete(id: ChangeId, key: Uint8Array): Event {
    const row = this.#sql.first(DELETE_CURRENT, key)
    if (row === undefined) {
      throw notNext(this.revision)
    }
    const replaced = { main: numberOf(row[1]), sub: numberOf(row[2]) }
    const kv = tombstone(key, id.main)
    const ended = { ...kv, createRevision: numberOf(row[0]), value: null }
    appendLog(this.#sql, id, ended, replaced)
    this.deleted.push(key)
    return { type: EventType.DELETE, kv, prevKv: undefined, replaced }
  }

  /** In the unit of `Store.work`. */
  get work(): number {
    return this.changes + Math.floor(this.#bytes / 1024)
  }

  /** Whether `events`, `created` and `deleted` tell all that changed. */
  get complete(): boolean {
    return this.events.length === this.changes
  }
}

function notNext(revision: Revision): BrokenHistory {
  return new BrokenHistory(`revision ${revision} does not follow from what is here`)
}

/** Those of changes that come behind `revision`, each remembered as soon as it is written. */
export function followRevisions(
  sql: Sql,
  revision: Revision,
  changes: Iterable<Change<Uint8Array>>,
  parts: FollowParts,
): readonly FollowedRevision[] {
  const followed: FollowedRevision[] = []
  let next = new FollowedRevision(sql, revision + 1, parts)
  for (const change of changes) {
    // A revision that has no change is none, which `add` finds.
    if (change.main > next.revision && next.changes > 0) {
      parts.remember(next)
      followed.push(next)
      next = new FollowedRevision(sql, next.revision + 1, parts)
    }
    next.add(change)
  }
  if (next.changes > 0) {
    parts.remember(next)
    followed.push(next)
  }
  return followed
}
