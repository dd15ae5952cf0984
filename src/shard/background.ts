import { DEADLINE_MS_MAX, EXPIRED_LEASES_MAX } from '../lease/lessor.ts'
import type { HashKv } from '../mvcc/hash.ts'
import type { Revision } from '../mvcc/types.ts'
import type { PageCursor } from '../protocol/shard-rpc.ts'
import { AutoCompactor } from './auto-compactor.ts'
import { nextTurn } from './commit.ts'
import type { DeadlineName, Deadlines } from './deadlines.ts'
import type { Keyspace } from './keyspace.ts'
import type { Metrics } from './metrics.ts'
import { OpenRanges } from './open-ranges.ts'

/** etcd scans for expired leases twice a second and takes so many each time. */
const EXPIRY_SCAN_MS = 500
/** What of the v2 store expires in one turn of the event loop. */
const EXPIRED_NODES_MAX = 500
/** A revision that no compaction leaves as it was. */
const BEFORE_ALL: Revision = -1
/** When to look again after a compaction that was cut off, or that a reader holds up. */
const COMPACTION_RETRY_MS = 5_000

/** What the deadlines of others come to, and what compaction waits for. */
export interface BackgroundPartners {
  /** Whether what expires ends here: leases, and nodes of the v2 store. A replica hears of their ends. */
  readonly endsLeases: boolean
  /** Somebody's access token has come to its end. */
  accessExpired(): void
  /** Something is to be sent to the object store. */
  replicate(): void
  /** A replica that was given up is to be tried again. */
  readonly feed?: () => void
  /** The lowest revision that is still to be sent there, at a time in ms since 1970. */
  unsent(now: number): Revision | undefined
}

/**
 * What a keyspace does by itself: expiring leases, deleting what compaction superseded, and long
 * hashes. Each of them works in bounded steps and lets requests in between.
 */
export class BackgroundWork {
  readonly #keyspace: Keyspace
  readonly #deadlines: Deadlines
  readonly #metrics: Metrics
  readonly #autoCompaction: AutoCompactor | undefined
  readonly #ranges: OpenRanges
  readonly #partners: BackgroundPartners
  #holds = 0
  #compacting: Promise<void> | undefined

  constructor(
    keyspace: Keyspace,
    deadlines: Deadlines,
    metrics: Metrics,
    partners: BackgroundPartners,
  ) {
    this.#keyspace = keyspace
    this.#deadlines = deadlines
    this.#metrics = metrics
    this.#partners = partners
    const first = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER) >> 1
    this.#ranges = new OpenRanges(first, (kept) => keyspace.store.endRange(kept))
    const { autoCompaction } = keyspace.settings
    this.#autoCompaction = autoCompaction && new AutoCompactor(keyspace, autoCompaction)
  }

  /** Sets the deadlines anew from the state: at a start, and when one may have come closer. Mostly none has. */
  schedule(): Promise<void> | undefined {
    const now = Date.now()
    return this.#isScheduled(now) ? undefined : this.#schedule(now)
  }

  #isScheduled(now: number): boolean {
    const { store, hub, lessor, v2Expiry } = this.#keyspace
    const next = lessor.nextDeadline()
    const v2 = v2Expiry === undefined ? undefined : v2Deadline(v2Expiry, now)
    return (
      (!this.#partners.endsLeases ||
        ((next === undefined || next > now) &&
          this.#deadlines.isAt('lease', next) &&
          (v2 === undefined || this.#deadlines.isAt('v2', v2)))) &&
      !hub.wantsProgress &&
      !store.compactionPending &&
      (this.#autoCompaction === undefined || this.#deadlines.has('auto-compaction'))
    )
  }

  async #schedule(now: number): Promise<void> {
    const { store, hub, settings } = this.#keyspace
    if (this.#partners.endsLeases) {
      await this.#scheduleExpiry(now)
    }
    if (hub.wantsProgress && !this.#deadlines.has('watch-progress')) {
      const interval = settings.watchProgressNotifyIntervalMs
      await this.#deadlines.set('watch-progress', now + interval * (1 + Math.random() / 10))
    }
    await this.armAutoCompaction()
    const waits = this.#compacting === undefined && !this.#deadlines.has('compaction')
    if (store.compactionPending && waits) {
      await this.#deadlines.set('compaction', now)
    }
  }

  async #scheduleExpiry(now: number): Promise<void> {
    const { lessor, v2Expiry } = this.#keyspace
    const next = lessor.nextDeadline()
    if (next === undefined || next > now) {
      await this.#deadlines.set('lease', next)
    } else if (!this.#deadlines.has('lease')) {
      await this.#deadlines.set('lease', now + EXPIRY_SCAN_MS)
    }
    if (v2Expiry !== undefined) {
      await this.#deadlines.set('v2', v2Deadline(v2Expiry, now))
    }
  }

  /** Does what is due. The caller commits, flushes what watchers are sent, and schedules anew. */
  run(due: readonly DeadlineName[], now: number): void {
    for (const name of due) {
      switch (name) {
        case 'lease':
          this.#expireLeases(now)
          break
        case 'compaction':
          void this.compact()
          break
        case 'auto-compaction':
          this.#autoCompact(now)
          break
        case 'watch-progress':
          this.#notifyProgress()
          break
        case 'access':
          this.#partners.accessExpired()
          break
        case 'feed':
          this.#partners.feed?.()
          break
        case 'replication':
          this.#partners.replicate()
          break
        case 'v2':
          this.#keyspace.v2.expire(now, EXPIRED_NODES_MAX)
          break
      }
    }
  }

  /** An idle keyspace has no such deadline: the next write sets it. */
  async armAutoCompaction(): Promise<void> {
    const auto = this.#autoCompaction
    if (auto !== undefined && !this.#deadlines.has('auto-compaction') && auto.wanted) {
      await this.#deadlines.set('auto-compaction', Date.now() + auto.intervalMs)
    }
  }

  #expireLeases(now: number): void {
    if (this.#keyspace.disk.isExhausted) {
      return
    }
    for (const id of this.#keyspace.lessor.expired(now, EXPIRED_LEASES_MAX)) {
      const start = performance.now()
      this.#keyspace.lessor.revoke(id)
      this.#metrics.expired(performance.now() - start)
    }
  }

  /** Resolves when what the last compaction superseded is deleted, or held up by a reader. */
  compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = undefined
    })
    return this.#compacting
  }

  async #compact(): Promise<void> {
    await this.#deadlines.set('compaction', Date.now() + COMPACTION_RETRY_MS)
    const start = performance.now()
    while (this.#compactSlice()) {
      await nextTurn()
    }
    this.#metrics.compactions.observe(performance.now() - start)
    this.#metrics.lastCompaction = Date.now()
    if (!this.#keyspace.store.compactionPending) {
      await this.#deadlines.set('compaction', undefined)
    }
  }

  #compactSlice(): boolean {
    const start = performance.now()
    const isMore = this.#keyspace.store.compactSlice(this.#pinned())
    this.#metrics.compactionPauses.observe(performance.now() - start)
    return isMore
  }

  #autoCompact(now: number): void {
    const start = performance.now()
    if (this.#autoCompaction?.run(now) === true) {
      this.#metrics.indexCompactionPauses.observe(performance.now() - start)
      void this.compact()
    }
  }

  #notifyProgress(): void {
    const start = performance.now()
    this.#keyspace.hub.progressNotify()
    this.#metrics.watch.progressSeconds.observe((performance.now() - start) / 1000)
  }

  /** How many readers keep rows from being deleted: snapshots, and ranges that are read page by page. */
  get openReads(): number {
    return this.#holds + this.#ranges.count(Date.now())
  }

  /** Keeps what the pages of an answer need that are still to come. Answers their cursor. */
  keep(next: PageCursor): PageCursor {
    return { ...next, open: this.#ranges.keep(next, Date.now()) }
  }

  /** Nobody reads on at the cursor. */
  release({ open }: PageCursor): void {
    this.#ranges.end(open)
  }

  /** Keeps every row there is until the function that it answers is called, once. */
  hold(): () => void {
    this.#holds++
    return () => {
      this.#holds--
      if (this.#holds === 0) {
        this.released()
      }
    }
  }

  /** What a compaction may have waited for is no more. */
  released(): void {
    if (this.#keyspace.store.compactionPending) {
      void this.compact()
    }
  }

  #pinned(): Revision | undefined {
    if (this.#holds > 0) {
      return BEFORE_ALL
    }
    const now = Date.now()
    const read = this.#ranges.lowest(now) ?? Infinity
    const lowest = Math.min(read, this.#partners.unsent(now) ?? Infinity)
    return lowest === Infinity ? undefined : lowest
  }

  async hashKv(revision: Revision): Promise<HashKv> {
    const steps = this.#keyspace.store.hashKv(revision)
    const kept = { revision: this.#keyspace.store.compactRevision }
    let open: number | undefined
    try {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) {
          return step.value
        }
        open = this.#ranges.keep({ ...kept, open }, Date.now())
        await nextTurn()
      }
    } finally {
      this.#ranges.end(open)
    }
  }
}

/** In ms since 1970, when something of the v2 store may expire. */
function v2Deadline(expiry: number, now: number): number {
  return Math.min(Math.max(expiry, now), DEADLINE_MS_MAX)
}
