import type { Sample, Sighting, ToldRegion, Totals } from './told.ts'

/** What the CSV goes back to. */
const SAMPLES_MAX = 100_000
/** What a page is told between two ticks. */
const PENDING_MAX = 2_000
const WRITES_MAX = 20_000

interface Write {
  readonly from: string
  /** Of `performance.now()`. */
  readonly sent: number
  acknowledged: number
}

/** What all clients of the lab have seen, from outside: it knows nothing of the servers. */
export class Recorder {
  readonly #samples: Sample[] = []
  #pending: Sample[] = []
  #sightings: Sighting[] = []
  readonly #writes = new Map<number, Write>()
  readonly #seen = new Map<string, { revision: number; ms: number }>()
  #acknowledged = 0
  #totals: Totals = { linearizable: 0, violations: 0, serializable: 0, stale: 0, lost: 0 }

  /** The last revision that a client was told of a write. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  get totals(): Totals {
    return this.#totals
  }

  /** A write has its revision. */
  written(revision: number, from: string, sent: number): void {
    const write = this.#write(revision, from, sent)
    write.acknowledged = performance.now()
    this.#acknowledged = Math.max(this.#acknowledged, revision)
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
  seen(revision: number, region: string, write: { readonly from: string; readonly sent: number }) {
    this.#write(revision, write.from, write.sent)
    const ms = performance.now() - write.sent
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
   * Another one leads, with what there was up to that revision, where `before` was the last one that had been
   * acknowledged when it was asked for. Answers how many writes were lost.
   */
  lostBehind(revision: number, before: number): number {
    const lost = Math.max(0, before - revision)
    if (lost > 0) {
      this.#forget(revision)
      this.#totals = { ...this.#totals, lost: this.#totals.lost + lost }
    }
    return lost
  }

  /** Revisions behind that one are given once more, to other writes. */
  #forget(revision: number): void {
    this.#acknowledged = Math.min(this.#acknowledged, revision)
    for (const written of this.#writes.keys()) {
      if (written > revision) {
        this.#writes.delete(written)
      }
    }
    for (const [region, seen] of this.#seen) {
      this.#seen.set(region, { ...seen, revision: Math.min(seen.revision, revision) })
    }
  }

  /** How far the watchers of a region are behind. */
  lagOf(region: string): Pick<ToldRegion, 'revision' | 'lagRevisions' | 'lagMs'> {
    const { revision, ms } = this.#seen.get(region) ?? { revision: 0, ms: 0 }
    const lagRevisions = Math.max(0, this.#acknowledged - revision)
    const missing = this.#writes.get(revision + 1)
    const since =
      missing === undefined || missing.acknowledged === Number.POSITIVE_INFINITY
        ? undefined
        : performance.now() - missing.acknowledged
    return { revision, lagRevisions, lagMs: lagRevisions > 0 ? (since ?? ms) : ms }
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
