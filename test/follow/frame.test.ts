import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchiveDamage } from '../../src/archive/archive-damage.ts'
import { ChangesWriter } from '../../src/archive/changes.ts'
import { decodeFrame, encodeFrame } from '../../src/follow/frame.ts'
import type { Change } from '../../src/mvcc/history.ts'
import { runs } from '../runs.ts'

const change = (main: number, value: Uint8Array): Change<Uint8Array> => ({
  main,
  sub: 0,
  deleted: false,
  kv: { key: value, createRevision: main, modRevision: main, version: 1, value, lease: 7n },
})

const head = { epoch: 3, time: 1_700_000_000_000, compaction: { revision: 4, finished: false } }

function encoded(values: readonly Uint8Array[], from = 10): Uint8Array {
  const writer = new ChangesWriter()
  values.forEach((value, at) => writer.add(change(from + at, value)))
  return encodeFrame({ ...head, from, to: from + values.length - 1 }, writer, {
    position: { incarnation: 'a', seq: 9 },
    since: 8,
    content: { leases: { complete: false, journal: [[10, '7', 60]] } },
    tokenState: { key: null, passwords: [['root', 3]] },
  })
}

const anyValues = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 })

describe('a frame', () => {
  it('[FLW9] comes out as it went in', () => {
    fc.assert(
      fc.property(anyValues, (values) => {
        const frame = decodeFrame(encoded(values))
        expect(frame).toMatchObject({ ...head, from: 10, to: 9 + values.length })
        expect([...frame.changes]).toEqual(values.map((value, at) => change(10 + at, value)))
        expect(frame.state).toEqual({
          position: { incarnation: 'a', seq: 9 },
          since: 8,
          content: { leases: { complete: false, journal: [[10, '7', 60]] } },
          tokenState: { key: null, passwords: [['root', 3]] },
        })
      }),
      { numRuns: runs(200) },
    )
  })

  it('[FLW9] without a state has none', () => {
    const fields = { ...head, from: 10, to: 9 }
    expect(decodeFrame(encodeFrame(fields, new ChangesWriter(), undefined)).state).toBeUndefined()
  })

  it('[FLW9] is refused if a byte of it is another one, or is missing', () => {
    fc.assert(
      fc.property(anyValues, fc.nat(), fc.integer({ min: 1, max: 255 }), (values, place, other) => {
        const bytes = encoded(values)
        const at = place % bytes.length
        const damaged = bytes.slice()
        damaged[at] = (damaged[at] ?? 0) ^ other
        expect(() => decodeFrame(damaged)).toThrow(ArchiveDamage)
        expect(() => decodeFrame(bytes.subarray(0, at))).toThrow(ArchiveDamage)
      }),
      { numRuns: runs(400) },
    )
  })

  it('[FLW9] has the revisions that it says', () => {
    const writer = new ChangesWriter()
    writer.add(change(12, new Uint8Array(1)))
    const wrong = decodeFrame(encodeFrame({ ...head, from: 10, to: 11 }, writer, undefined))
    expect(() => [...wrong.changes]).toThrow(ArchiveDamage)
    const backwards = encodeFrame({ ...head, from: 10, to: 8 }, new ChangesWriter(), undefined)
    expect(() => decodeFrame(backwards)).toThrow(ArchiveDamage)
  })
})
