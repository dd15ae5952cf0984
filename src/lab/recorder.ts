import type { Sample, Sighting, ToldRegion, Totals } from './told.ts'

/** What the CSV goes back to. */
const SAMPLES_MAX = 100_000
/** What a page is told between two ticks. */
const PENDING_MAX = 2_000
const WRITES_MAX = 20_000

/** What a write has in its value. */
export interface Written {
  readonly from: string
  /** In milliseconds since 1970. */
  readonly sent: number
}

interface Write extends Written {
  acknowledged: number
}

/** All that was acknowledged by then is at that revision or an earlier one. */
interface Acknowledgement {
  readonly time: number
  revision: number
}

/** Another one leads by force, with what there was up to a revision; those behind it are given once more. */
interface Fork {
  /** How often that has been so. */
  readonly count: number
  readonly revision: number
  /** When it was asked for. */
  readonly time: number
  /** Where a leader may still be that has not heard of it; empty where there is none. */
  readonly region: string
}

/**
 * What all clients of the lab have seen, from outside: it knows nothing of the servers. Times are in milliseconds since
 * 1970, of one clock.
 */
export class Recorder {
  readonly #samples: Sample[] = []
  #pending: Sample[] = []
  #sightings: Sighting[] = []
  readonly #writes = new Map<number, Write>()
  readonly #seen = new Map<string, { revision: number; ms: number }>()
  /** In the order of their times and revisions. */
  #acknowledged: Acknowledgement[] = []
  #fork: Fork = { count: 0, revision: 0, time: 0, region: '' }
  #totals: Totals = { linearizable: 0, violations: 0, serializable: 0, stale: 0, lost: 0 }

  /** The last revision that a client was told of a write. */
  get acknowledged(): number {
    return this.#acknowledged.at(-1)?.revision ?? 0
  }

  /** The last one that a client had been told of by then. */
  acknowledgedBy(time: number): number {
    return this.#acknowledged.findLast((one) => one.time <= time)?.revision ?? 0
  }

  get fork(): Fork {
    return this.#fork
  }

  get totals(): Totals {
    return this.#totals
  }

  /** A write has its revision. */
  written(revision: number, { from, sent }: Written, time: number): void {
    if (revision > this.#fork.revision && (time <= this.#fork.time || from === this.#fork.region)) {
      this.#totals = { ...this.#totals, lost: this.#totals.lost + 1 }
      return
    }
    const write = this.#write(revision, from, sent)
    write.acknowledged = time
    const place = this.#acknowledged.findLastIndex((one) => one.time <= time) + 1
    const before = this.#acknowledged[place - 1]?.revision ?? 0
    if (revision > before) {
      this.#acknowledged.splice(place, 0, { time, revision })
      // What was acknowledged later, and is older, says nothing any more.
      const later = this.#acknowledged.splice(place + 1)
      this.#acknowledged.push(...later.filter((one) => one.revision > revision))
    }
    if (this.#acknowledged.length > WRITES_MAX) {
      this.#acknowledged.splice(0, WRITES_MAX / 10)
    }
  }

  /** Watchers may see it before its writer hears of it. */
  #write(revision: number, from: string, sent: number): Write {
    let write = this.#writes.get(revision)
    if (write === undefined) {
      write = { from, sent, acknowledged: Number.POSITIVE_INFINITY }
      this.#writes.set(revision, write)
      const [oldest] = this.#writes.keys()
      if (oldest !== undefined && this.#writes.size > WRITES_MAX) {
        this.#writes.delete(oldest)
      }
    }
    return write
  }

  /** The watchers of a region have heard of it. */
  seen(revision: number, region: string, write: Written, time: number): void {
    if (region === this.#fork.region && revision > this.#fork.revision) {
      return
    }
    this.#write(revision, write.from, write.sent)
    const ms = Math.max(0, time - write.sent)
    this.#seen.set(region, { revision, ms })
    if (this.#sightings.length < PENDING_MAX) {
      this.#sightings.push({ revision, from: write.from, region, ms })
    }
  }

  /** The next revision that the watchers of a region have to hear of. */
  nextOf(region: string): number {
    return (this.#seen.get(region)?.revision ?? 0) + 1
  }

  sampled(sample: Sample): void {
    this.#samples.push(sample)
    if (this.#samples.length > SAMPLES_MAX) {
      this.#samples.splice(0, SAMPLES_MAX / 10)
    }
    if (this.#pending.length < PENDING_MAX) {
      this.#pending.push(sample)
    }
    if (sample.error === '') {
      this.#count(sample)
    }
  }

  #count({ kind, behind }: Sample): void {
    const late = behind > 0 ? 1 : 0
    const { linearizable, violations, serializable, stale } = this.#totals
    if (kind === 'linearizable') {
      const counted = { linearizable: linearizable + 1, violations: violations + late }
      this.#totals = { ...this.#totals, ...counted }
    } else if (kind === 'serializable') {
      const counted = { serializable: serializable + 1, stale: stale + late }
      this.#totals = { ...this.#totals, ...counted }
    }
  }

  /**
   * Another one leads by force, with what there was up to that revision; who led in the region may not know. What had
   * been acknowledged before it was asked for, and is behind, is lost. Answers how many writes that is known of.
   */
  forked(revision: number, { time, region }: Pick<Fork, 'time' | 'region'>): number {
    const isLost = (one: Acknowledgement): boolean => one.time <= time && one.revision > revision
    const lost = Math.max(0, this.acknowledgedBy(time) - revision)
    this.#fork = { count: this.#fork.count + 1, revision, time, region }
    this.#totals = { ...this.#totals, lost: this.#totals.lost + lost }
    this.#acknowledged = this.#acknowledged.filter((one) => !isLost(one))
    for (const [written, write] of this.#writes) {
      if (written > revision && !(write.sent > time)) {
        this.#writes.delete(written)
      }
    }
    for (const [place, seen] of this.#seen) {
      this.#seen.set(place, { ...seen, revision: Math.min(seen.revision, revision) })
    }
    return lost
  }

  /** Nobody leads any more that was passed over. */
  joined(): void {
    this.#fork = { ...this.#fork, region: '' }
  }

  /** How far the watchers of a region were behind at that time. */
  lagOf(region: string, time: number): Pick<ToldRegion, 'revision' | 'lagRevisions' | 'lagMs'> {
    const { revision, ms } = this.#seen.get(region) ?? { revision: 0, ms: 0 }
    const lagRevisions = Math.max(0, this.acknowledgedBy(time) - revision)
    const since = lagRevisions > 0 ? time - this.#firstBehind(revision, time) : ms
    return { revision, lagRevisions, lagMs: since }
  }

  /** When the first write behind the revision was acknowledged, of which there is one by that time. */
  #firstBehind(revision: number, time: number): number {
    // One that nobody was told of may have been done all the same.
    const acknowledged = this.#acknowledged.find((one) => one.revision > revision)?.time ?? time
    const next = this.#writes.get(revision + 1)?.acknowledged ?? acknowledged
    return Math.min(next, acknowledged)
  }

  /** What was not told yet. */
  take(): { readonly samples: readonly Sample[]; readonly sightings: readonly Sighting[] } {
    const told = { samples: this.#pending, sightings: this.#sightings }
    this.#pending = []
    this.#sightings = []
    return told
  }

  /** All that is kept, a line each. */
  csv(): string {
    const lines = this.#samples.map((sample) =>
      [
        Math.round(sample.time),
        sample.region,
        sample.kind,
        sample.ms.toFixed(3),
        sample.revision,
        sample.behind,
        `"${sample.error.replaceAll('"', '""')}"`,
      ].join(','),
    )
    return [CSV_HEAD, ...lines, ''].join('\n')
  }
}

const CSV_HEAD = 'time_ms,client_region,operation,latency_ms,revision,behind_revisions,error'
