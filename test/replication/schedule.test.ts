import { describe, expect, it } from 'vitest'
import {
  noPosition,
  type Position,
  type SentFull,
  type SentSegment,
} from '../../src/shard/replication/position.ts'
import { nextStep, SEGMENT_BYTES, type Situation } from '../../src/shard/replication/schedule.ts'

const NOW = 1_800_000_000_000
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const MIB = 1024 * 1024

const full: SentFull = {
  seq: 0,
  revision: 10,
  compactRevision: -1,
  time: NOW - 10 * MINUTE,
  parts: 1,
  bytes: 100,
  listed: true,
}

function segment(seq: number, age: number): SentSegment {
  return { seq, from: seq, to: seq, bytes: 10, time: NOW - age, checksum: 1, previous: null }
}

function step(position: Partial<Position>, situation: Partial<Situation> = {}) {
  return nextStep(
    {
      position: { ...noPosition('blue'), epoch: 1, revision: 20, full, ...position },
      revision: 20,
      isWhole: true,
      since: undefined,
      waitingBytes: 0,
      isFullUnderWay: false,
      retryAt: 0,
      lagMs: 10_000,
      ...situation,
    },
    NOW,
  )
}

const forEver = { do: 'wait', until: undefined }

describe('what is done next', () => {
  it('[REP5] is nothing where all was sent and is named', () => {
    expect(step({})).toEqual(forEver)
    expect(step({ full: { ...full, time: NOW - 2 * DAY, revision: 20 } })).toEqual(forEver)
  })

  it('[REP5] is a segment a little before the first change is as old as it may be', () => {
    expect(step({}, { since: NOW - 9_000 })).toEqual({ do: 'wait', until: NOW + 500 })
    expect(step({}, { since: NOW - 9_500 })).toEqual({ do: 'segment', full: false })
    expect(step({}, { since: NOW - 900, lagMs: 1000 })).toEqual({ do: 'wait', until: NOW + 50 })
  })

  it('[REP5] is a segment as soon as so many bytes wait', () => {
    const since = NOW - 1
    expect(step({}, { since, waitingBytes: SEGMENT_BYTES - 1 })).toMatchObject({ do: 'wait' })
    expect(step({}, { since, waitingBytes: SEGMENT_BYTES })).toEqual({ do: 'segment', full: false })
  })

  it('[REP5] is an epoch where there is none, or the log has not all any more, and something has changed', () => {
    expect(step({ epoch: 0, full: undefined })).toEqual(forEver)
    expect(step({ epoch: 0, full: undefined }, { since: NOW - 10_000 })).toEqual({ do: 'epoch' })
    expect(step({}, { since: NOW - 10_000, isWhole: false })).toEqual({ do: 'epoch' })
  })

  it('[REP5] is a full where the epoch has none', () => {
    expect(step({ full: undefined })).toEqual({ do: 'full' })
    expect(step({ full: undefined }, { since: NOW })).toEqual({ do: 'segment', full: true })
    const underWay = { isFullUnderWay: true, since: NOW - 10_000 }
    expect(step({ full: undefined }, underWay)).toEqual({ do: 'segment', full: false })
    expect(
      step({ full: undefined, unlisted: [segment(1, DAY)] }, { isFullUnderWay: true }),
    ).toEqual(forEver)
  })

  it('[REP5] is a full where the segments outgrow the one before, and 64 MiB', () => {
    expect(step({ bytesSince: 64 * MIB })).toEqual(forEver)
    expect(step({ bytesSince: 64 * MIB + 1 })).toEqual({ do: 'full' })
    const young = { ...full, time: NOW - 10 * MINUTE + 1 }
    expect(step({ bytesSince: 640 * MIB, full: young })).toEqual(forEver)
    const large = { ...full, bytes: 100 * MIB }
    expect(step({ bytesSince: 100 * MIB, full: large })).toEqual(forEver)
    expect(step({ bytesSince: 100 * MIB + 1, full: large })).toEqual({ do: 'full' })
  })

  it('[REP5] is a full after a day in which something was written', () => {
    const old = { ...full, time: NOW - DAY }
    expect(step({ full: old })).toEqual({ do: 'full' })
    expect(step({ full: { ...old, revision: 20 } })).toEqual(forEver)
    expect(step({ full: { ...old, revision: 20 } }, { since: NOW })).toEqual({
      do: 'segment',
      full: true,
    })
  })

  it('[REP5] is a manifest after each full, two minutes after a segment, or one after the last', () => {
    expect(step({ full: { ...full, listed: false } })).toEqual({ do: 'manifest' })
    expect(step({ unlisted: [segment(1, 2 * MINUTE), segment(2, 100)] })).toEqual({
      do: 'manifest',
    })
    expect(step({ unlisted: [segment(1, MINUTE)] })).toEqual({ do: 'manifest' })
    expect(step({ unlisted: [segment(1, MINUTE + 5), segment(2, 5)] })).toEqual({
      do: 'wait',
      until: NOW + MINUTE - 5,
    })
    const many = Array.from({ length: 64 }, (_, seq) => segment(seq + 1, 5))
    expect(step({ unlisted: many })).toEqual({ do: 'manifest' })
  })

  it('[REP5] waits for the end of a pause, and for ever where another copy of the keyspace sends', () => {
    const late = { since: NOW - DAY }
    expect(step({}, { ...late, retryAt: NOW + 1 })).toEqual({ do: 'wait', until: NOW + 1 })
    expect(step({ deposed: 'why' }, late)).toEqual(forEver)
  })
})
