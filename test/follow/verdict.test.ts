import { describe, expect, it } from 'vitest'
import type { Standing } from '../../src/follow/follower-events.ts'
import type { Frame } from '../../src/follow/frame.ts'
import { verdictOn } from '../../src/follow/verdict.ts'

const here: Standing = { epoch: 2, revision: 10, state: { incarnation: 'b', seq: 5 } }
const partly: Standing = { ...here, state: undefined }

const at = (incarnation: string, seq: number, since: number | null): Frame['state'] => ({
  position: { incarnation, seq },
  since,
  content: {},
})

const frame = (fields: Partial<Frame>): Frame => ({
  epoch: 2,
  from: 11,
  to: 11,
  time: 0,
  compaction: { revision: -1, finished: true },
  state: at('b', 6, 5),
  changes: [],
  bytes: 100,
  ...fields,
})

const kind = (fields: Partial<Frame>, asked?: Standing, standing = here): string =>
  verdictOn(frame(fields), standing, asked).kind

describe('a frame', () => {
  it('[FLW10] of an earlier epoch is passed over, also if it was asked for', () => {
    expect(kind({ epoch: 1 })).toBe('deposed')
    expect(kind({ epoch: 1, state: at('a', 6, null) }, here)).toBe('deposed')
    expect(kind({ epoch: 1, state: at('a', 6, null) }, partly, partly)).toBe('deposed')
  })

  it('[FLW10] of a later epoch is taken only as an answer to what was asked from here', () => {
    const later = { epoch: 3, state: at('c', 1, null) }
    expect(kind(later)).toBe('early')
    expect(kind(later, { ...here, revision: 9 })).toBe('early')
    expect(kind(later, { ...here, state: { incarnation: 'b', seq: 4 } })).toBe('early')
    expect(kind(later, here)).toBe('next')
  })

  it('[FLW10] of another stay of the leader is taken only so, too', () => {
    const other = { state: at('c', 1, null) }
    expect(kind(other)).toBe('early')
    expect(kind(other, { ...here, revision: 9 })).toBe('early')
    expect(kind(other, here)).toBe('next')
    expect(kind({ state: at('c', 1, 0) }, here)).toBe('early')
  })

  it('[FLW10] is next if log and state follow from what is here', () => {
    expect(kind({})).toBe('next')
    expect(kind({ from: 11, to: 10 })).toBe('next')
    expect(kind({ from: 12, to: 12 })).toBe('early')
    expect(kind({ state: at('b', 7, 6) })).toBe('early')
    expect(kind({ from: 10, to: 10, state: at('b', 5, 4) })).toBe('had')
    expect(kind({ from: 9, to: 9, state: at('b', 6, null) }, here)).toBe('had')
    // All of a state that is older, asked for before the newer one came.
    expect(kind({ from: 11, to: 10, state: at('b', 4, null) }, { ...here, revision: 9 })).toBe(
      'had',
    )
  })

  it('[FLW10] without a state leaves the replica without one, until the last one comes', () => {
    expect(verdictOn(frame({ state: undefined }), here, here)).toMatchObject({
      kind: 'next',
      state: false,
      standing: { epoch: 2, revision: 11, state: undefined },
    })
    expect(kind({ state: undefined })).toBe('had')
    expect(kind({ state: at('b', 9, 8) }, partly, partly)).toBe('early')
    expect(kind({ state: at('b', 9, null) }, partly, partly)).toBe('next')
  })

  it('[FLW10] brings a compaction only with what is compacted', () => {
    for (const revision of [10, 11, 12]) {
      const compacted = frame({ compaction: { revision, finished: false } })
      expect(verdictOn(compacted, here, undefined)).toMatchObject({ compaction: revision < 12 })
    }
  })
})
