import type { Revision } from '../mvcc/types.ts'
import type { Chain, FullEntry, Manifest } from './manifest.ts'
import type { ArchiveKey } from './names.ts'

/** For how long what is kept. */
export interface RetentionPolicy {
  /** Of so many hours each revision can be restored. */
  readonly hours: number
  /** Of so many days and weeks before today, of each one full. */
  readonly days: number
  readonly weeks: number
}

export const DEFAULT_RETENTION: RetentionPolicy = { hours: 24, days: 7, weeks: 4 }

/** So many manifests stay, for who has read a list of long ago. */
export const MANIFESTS_KEPT = 100

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS

export interface RetentionPlan {
  /** What the next manifest has; it is written before anything is deleted. */
  readonly kept: Pick<Manifest, 'chains' | 'fulls' | 'marks'>
  /** Those that go, in the order of the manifest. */
  readonly fulls: readonly FullEntry[]
  /** Of each epoch, segments before that number go. */
  readonly segments: readonly { readonly epoch: number; readonly before: number }[]
  /** Manifests before that number go. */
  readonly manifestsBefore: number
}

/**
 * What goes of an archive at a time, in ms since 1970. Of the last hours all revisions can be restored: for
 * that the last full from before them stays, and all segments behind it. Of each day and week before, by
 * UTC, the last full stays, and no segments. The last full of all stays in any case.
 */
export function planRetention(
  manifest: Manifest,
  now: number,
  policy: RetentionPolicy,
): RetentionPlan {
  const base = baseFull(manifest.fulls, now - policy.hours * HOUR_MS)
  const recent = new Set(base === undefined ? [] : manifest.fulls.filter((f) => !isBefore(f, base)))
  const kept = new Set([
    ...recent,
    ...lastOfEach(manifest.fulls, DAY_MS, { now, count: policy.days }),
    ...lastOfEach(manifest.fulls, WEEK_MS, { now, count: policy.weeks }),
  ])
  const chains = manifest.chains.map((chain) => chainBehind(chain, base, recent))
  const segments = chains.map(({ epoch, first }) => ({ epoch, before: first.seq }))
  const behind = new Map(segments.map(({ epoch, before }) => [epoch, before]))
  return {
    kept: {
      chains: chains.filter(
        ({ epoch, first, last }) => isOpen(manifest, epoch) || last.seq >= first.seq,
      ),
      fulls: manifest.fulls.filter((full) => kept.has(full)),
      marks: manifest.marks.filter(({ epoch, seq }) => seq >= (behind.get(epoch) ?? Infinity)),
    },
    fulls: manifest.fulls.filter((full) => !kept.has(full)),
    segments,
    manifestsBefore: Math.max(1, manifest.number - MANIFESTS_KEPT + 1),
  }
}

/** Whether a key that was listed goes by the plan. Parts go with their full, and its end with them. */
export function isPruned(plan: RetentionPlan, key: ArchiveKey): boolean {
  switch (key.kind) {
    case 'claim':
      return false
    case 'manifest':
      return key.number < plan.manifestsBefore
    case 'segment':
      return plan.segments.some(({ epoch, before }) => epoch === key.epoch && key.seq < before)
    case 'part':
    case 'end':
      return plan.fulls.some(
        ({ epoch, seq, revision }) =>
          epoch === key.epoch && seq === key.seq && revision === key.revision,
      )
  }
}

/** The last one that is not behind the time; else the first of all. */
function baseFull(fulls: readonly FullEntry[], time: number): FullEntry | undefined {
  return fulls.findLast((full) => full.time <= time) ?? fulls[0]
}

function isBefore(full: FullEntry, other: FullEntry): boolean {
  return full.epoch < other.epoch || (full.epoch === other.epoch && full.seq < other.seq)
}

/** Of the last periods that are over, and of the one that is not, the last full of each. */
function lastOfEach(
  fulls: readonly FullEntry[],
  periodMs: number,
  { now, count }: { readonly now: number; readonly count: number },
): readonly FullEntry[] {
  const periodOf = (time: number): number => Math.floor(time / periodMs)
  const last = new Map(fulls.map((full) => [periodOf(full.time), full]))
  return [...last].filter(([period]) => period >= periodOf(now) - count).map(([, full]) => full)
}

function isOpen({ chains }: Manifest, epoch: number): boolean {
  return chains.at(-1)?.epoch === epoch
}

/** An epoch's segments behind the base; of an earlier epoch none are needed. */
function chainBehind(
  chain: Chain,
  base: FullEntry | undefined,
  recent: ReadonlySet<FullEntry>,
): Chain {
  const fullsOfEpoch = [...recent].filter(({ epoch }) => epoch === chain.epoch)
  const [start] = fullsOfEpoch
  if (base === undefined) {
    return chain
  }
  const seq = start === undefined ? chain.last.seq + 1 : start.seq + 1
  const from: Revision = start === undefined ? chain.last.to + 1 : start.revision + 1
  return seq <= chain.first.seq
    ? chain
    : { ...chain, first: { seq, from }, bytes: bytesLeft(chain, seq) }
}

/** As if all segments were as long. */
function bytesLeft({ first, last, bytes }: Chain, seq: number): number {
  const count = last.seq - first.seq + 1
  return count <= 0 ? 0 : Math.round((bytes * Math.max(0, last.seq - seq + 1)) / count)
}
