import { expect, it } from 'vitest'
import {
  type Chain,
  type FullEntry,
  MARKS_MAX,
  type News,
  nextManifest,
  type SegmentMark,
  type SentSegment,
  withMark,
} from '../../src/archive/manifest.ts'
import { ORIGIN } from './samples.ts'

const mark = (seq: number): SegmentMark => ({ time: seq, to: seq, epoch: 1, seq, from: seq })

it('[ARC6] a manifest has a bounded number of marks, the newest of them dense', () => {
  let marks: SegmentMark[] = []
  for (let seq = 1; seq <= 10 * MARKS_MAX; seq++) {
    marks = withMark(marks, mark(seq))
    expect(marks.length).toBeLessThanOrEqual(MARKS_MAX)
  }
  expect(marks[0]).toEqual(mark(1))
  expect(marks.slice(-MARKS_MAX / 4)).toEqual(
    Array.from({ length: MARKS_MAX / 4 }, (_, at) => mark(10 * MARKS_MAX - MARKS_MAX / 4 + 1 + at)),
  )
})

const full = (epoch: number, seq: number, revision: number): FullEntry => ({
  epoch,
  seq,
  revision,
  compactRevision: -1,
  time: revision,
  parts: 1,
  bytes: 9,
})
const sent = (seq: number, from: number, to: number): SentSegment => ({
  seq,
  from,
  to,
  bytes: 100,
  checksum: seq,
  time: to,
})
const news = (epoch: number, number: number): Pick<News, 'origin' | 'number' | 'time'> => ({
  origin: { ...ORIGIN, epoch },
  number,
  time: 1_000,
})
const end = (seq: number, to: number, checksum: number | null): Chain['last'] => ({
  seq,
  to,
  time: to,
  checksum,
})

it('[ARC6] a manifest tells what there is: that of the one before, and what came since', () => {
  const first = nextManifest(undefined, {
    ...news(1, 1),
    end: end(0, 5, null),
    segments: [],
    full: full(1, 0, 5),
  })
  expect(first).toEqual({
    ...ORIGIN,
    epoch: 1,
    number: 1,
    time: 1_000,
    chains: [
      {
        epoch: 1,
        first: { seq: 1, from: 6 },
        last: { seq: 0, to: 5, time: 5, checksum: null },
        bytes: 0,
      },
    ],
    fulls: [full(1, 0, 5)],
    marks: [],
  })
  const second = nextManifest(first, {
    ...news(1, 2),
    end: end(2, 8, 2),
    segments: [sent(1, 6, 8), sent(2, 9, 8)],
    full: full(1, 0, 5),
  })
  const last = { seq: 2, to: 8, time: 8, checksum: 2 }
  expect(second).toMatchObject({
    number: 2,
    chains: [{ epoch: 1, first: { seq: 1, from: 6 }, last, bytes: 200 }],
    marks: [{ time: 8, to: 8, epoch: 1, seq: 2, from: 9 }],
  })
  const third = nextManifest(second, {
    ...news(2, 3),
    end: end(1, 9, 1),
    segments: [sent(1, 9, 9)],
    full: full(2, 0, 8),
  })
  expect(third).toMatchObject({
    epoch: 2,
    number: 3,
    chains: [
      { epoch: 1, last, bytes: 200 },
      {
        epoch: 2,
        first: { seq: 1, from: 9 },
        last: { seq: 1, to: 9, time: 9, checksum: 1 },
        bytes: 100,
      },
    ],
    fulls: [full(1, 0, 5), full(2, 0, 8)],
  })
  // A manifest was lost: what it had named comes again, and counts once.
  const fourth = nextManifest(third, {
    ...news(2, 5),
    end: end(2, 9, 2),
    segments: [sent(1, 9, 9), sent(2, 10, 9)],
    full: full(2, 0, 8),
  })
  expect(fourth).toMatchObject({ number: 5, fulls: third.fulls })
  expect(fourth.chains[1]).toMatchObject({
    first: { seq: 1, from: 9 },
    last: { seq: 2 },
    bytes: 200,
  })
})
