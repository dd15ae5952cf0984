import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Chain, FullEntry, Manifest } from '../../src/archive/manifest.ts'
import {
  DEFAULT_RETENTION,
  isPruned,
  MANIFESTS_KEPT,
  planRetention,
  type RetentionPolicy,
} from '../../src/archive/retention.ts'
import { runs } from '../runs.ts'
import { ORIGIN } from './samples.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const WEEK = 7 * DAY
const NOW = 1_790_000_000_000

/** Epochs, each of which is a full, segments of ten revisions, and more fulls between them. */
const anyManifest = fc
  .array(
    fc.record({
      gap: fc.nat(3 * DAY),
      steps: fc.array(
        fc.record({ pause: fc.oneof(fc.nat(HOUR), fc.nat(2 * DAY)), full: fc.boolean() }),
        { maxLength: 20 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((epochs): { manifest: Manifest; times: ReadonlyMap<string, number> } => {
    const total = epochs.reduce(
      (sum, { gap, steps }) => sum + gap + steps.reduce((pauses, { pause }) => pauses + pause, 0),
      0,
    )
    let time = NOW - total
    let revision = 1
    const fulls: FullEntry[] = []
    const chains: Chain[] = []
    const times = new Map<string, number>()
    epochs.forEach(({ gap, steps }, index) => {
      const epoch = index + 1
      const from = revision + 1
      const full = (seq: number): FullEntry => ({
        epoch,
        seq,
        revision,
        compactRevision: -1,
        time,
        parts: 1,
        bytes: 100,
      })
      time += gap
      fulls.push(full(0))
      steps.forEach((step, place) => {
        time += step.pause
        revision += 10
        times.set(`${epoch}/${place + 1}`, time)
        if (step.full) {
          fulls.push(full(place + 1))
        }
      })
      const last = { seq: steps.length, to: revision, time, checksum: 1 }
      chains.push({ epoch, first: { seq: 1, from }, last, bytes: 1000 })
    })
    const marks = [...times].map(([name, at]) => {
      const [epoch = 0, seq = 0] = name.split('/').map(Number)
      return { time: at, to: 1, epoch, seq, from: 1 }
    })
    const manifest = { ...ORIGIN, epoch: epochs.length, number: 300, time, chains, fulls, marks }
    return { manifest, times }
  })

const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
  hours: fc.nat(100),
  days: fc.nat(10),
  weeks: fc.nat(5),
})

const nameOf = ({ epoch, seq }: { epoch: number; seq: number }): string => `${epoch}/${seq}`

it('[ARC7] of the last hours each segment can be restored: a full before it and all between stay', () => {
  fc.assert(
    fc.property(anyManifest, anyPolicy, ({ manifest, times }, policy) => {
      const plan = planRetention(manifest, NOW, policy)
      const fulls = new Set(plan.kept.fulls.map(nameOf))
      const gone = (epoch: number, seq: number): boolean =>
        isPruned(plan, { kind: 'segment', epoch, seq, from: 1 })
      for (const [name, time] of times) {
        const [epoch = 0, seq = 0] = name.split('/').map(Number)
        const steps = Array.from({ length: seq + 1 }, (_, at) => seq - at)
        const needed = steps.slice(
          0,
          steps.findIndex((at) => fulls.has(`${epoch}/${at}`)),
        )
        const isKept =
          fulls.has(`${epoch}/${seq - needed.length}`) && !needed.some((at) => gone(epoch, at))
        // A full of just that time may be of a later epoch.
        expect(isKept || time <= NOW - policy.hours * HOUR, name).toBe(true)
      }
    }),
    { numRuns: runs(1_000) },
  )
})

it('[ARC8] of each day and week the last full stays, of all the last one, and no others that are old', () => {
  fc.assert(
    fc.property(anyManifest, anyPolicy, ({ manifest }, policy) => {
      const { kept, fulls } = planRetention(manifest, NOW, policy)
      expect([...kept.fulls, ...fulls].map(nameOf).toSorted()).toEqual(
        manifest.fulls.map(nameOf).toSorted(),
      )
      expect(kept.fulls).toContain(manifest.fulls.at(-1))
      const base = NOW - policy.hours * HOUR
      const isLastOf = (full: FullEntry, period: number): boolean =>
        manifest.fulls.findLast(
          ({ time }) => Math.floor(time / period) === Math.floor(full.time / period),
        ) === full
      const ageIn = (full: FullEntry, period: number): number =>
        Math.floor(NOW / period) - Math.floor(full.time / period)
      const beforeBase = manifest.fulls.findLast(({ time }) => time <= base) ?? manifest.fulls[0]
      for (const full of manifest.fulls) {
        const expected =
          full.time > base ||
          full === beforeBase ||
          (isLastOf(full, DAY) && ageIn(full, DAY) <= policy.days) ||
          (isLastOf(full, WEEK) && ageIn(full, WEEK) <= policy.weeks)
        expect(kept.fulls.includes(full), JSON.stringify(full)).toBe(expected)
      }
    }),
    { numRuns: runs(1_000) },
  )
})

it('[ARC8] what is kept is kept again at the same time, and its parts with it', () => {
  fc.assert(
    fc.property(anyManifest, anyPolicy, ({ manifest }, policy) => {
      const plan = planRetention(manifest, NOW, policy)
      const again = planRetention({ ...manifest, ...plan.kept }, NOW, policy)
      expect(again.kept).toEqual(plan.kept)
      expect(again.fulls).toEqual([])
      for (const { epoch, seq, revision } of manifest.fulls) {
        const isKept = plan.kept.fulls.some((full) => nameOf(full) === nameOf({ epoch, seq }))
        expect(isPruned(plan, { kind: 'part', epoch, seq, revision, part: 0 })).toBe(!isKept)
        expect(isPruned(plan, { kind: 'end', epoch, seq, revision })).toBe(!isKept)
      }
      const isMarked = plan.kept.marks.map(nameOf)
      const left = plan.kept.chains.flatMap(({ epoch, first, last }) =>
        Array.from(
          { length: Math.max(0, last.seq - first.seq + 1) },
          (_, at) => `${epoch}/${first.seq + at}`,
        ),
      )
      expect(isMarked).toEqual(left)
    }),
    { numRuns: runs(1_000) },
  )
})

it('[ARC8] claims stay, and the newest manifests', () => {
  const manifest: Manifest = { ...ORIGIN, number: 300, time: NOW, chains: [], fulls: [], marks: [] }
  const plan = planRetention(manifest, NOW, DEFAULT_RETENTION)
  expect(isPruned(plan, { kind: 'claim', epoch: 1 })).toBe(false)
  expect(isPruned(plan, { kind: 'manifest', number: 300 - MANIFESTS_KEPT })).toBe(true)
  expect(isPruned(plan, { kind: 'manifest', number: 301 - MANIFESTS_KEPT })).toBe(false)
})
