import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchiveDamage } from '../../src/archive/archive-damage.ts'
import { changesIn } from '../../src/archive/changes.ts'
import { decodeClaim } from '../../src/archive/claim.ts'
import { decodeObject, encodeObject, type Section, section } from '../../src/archive/container.ts'
import { decodeEnd, decodePart, encodePart, requirePart } from '../../src/archive/full.ts'
import { decodeManifest } from '../../src/archive/manifest.ts'
import {
  archivePrefix,
  behindGeneration,
  claimKey,
  endKey,
  generationOf,
  manifestKey,
  parseKey,
  partKey,
  segmentKey,
} from '../../src/archive/names.ts'
import { decodeSegment, encodeSegment, nextOf, requireNext } from '../../src/archive/segment.ts'
import {
  type ArchivedRows,
  requireRowsBehind,
  rowsIn,
  RowsWriter,
} from '../../src/archive/v2-rows.ts'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import type { Change } from '../../src/mvcc/history.ts'
import type { V2Row } from '../../src/v2/row-change.ts'
import { runs } from '../runs.ts'
import {
  CHANGES,
  changesWritten,
  CLAIM,
  END,
  goldenFile,
  MANIFEST,
  PART,
  ROWS,
  rowsWritten,
  samples,
  SEGMENT,
  STATE,
} from './samples.ts'

const plain = (changes: Iterable<Change<Uint8Array>>): unknown[] =>
  [...changes].map(({ kv, ...rest }) => ({
    ...rest,
    kv: { ...kv, key: [...kv.key], value: crc32c(kv.value), length: kv.value.length },
  }))

function damageOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    if (error instanceof ArchiveDamage) {
      return error.kind
    }
    throw error
  }
  return 'none'
}

describe('names', () => {
  const archive = { keyspace: 'blue', generation: 1_790_000_000_000 }
  const full = { epoch: 2, seq: 3, revision: 43 }

  it('[ARC1] of objects are in the order of their numbers and say them', () => {
    expect(claimKey(archive, 2)).toBe('keyspaces/blue/1790000000000/e000002/claim')
    expect(partKey(archive, full, 1)).toBe(
      'keyspaces/blue/1790000000000/e000002/full/0000000003-0000000000000043/0001',
    )
    expect(endKey(archive, full)).toBe(
      'keyspaces/blue/1790000000000/e000002/full/0000000003-0000000000000043/end',
    )
    expect(segmentKey(archive, { epoch: 2, seq: 4, from: 44 })).toBe(
      'keyspaces/blue/1790000000000/e000002/log/0000000004-0000000000000044',
    )
    expect(manifestKey(archive, 17)).toBe('keyspaces/blue/1790000000000/manifests/0000000017')
    expect(archivePrefix({ keyspace: 'default', generation: 0 })).toBe(
      'keyspaces/default/0000000000000/',
    )
  })

  it('[ARC1] that are read say what was named, and no other text does', () => {
    const number = fc.nat(999_999)
    fc.assert(
      fc.property(
        number,
        number,
        fc.nat({ max: 2 ** 40 }),
        fc.nat(9_999),
        (epoch, seq, revision, part) => {
          const name = { epoch, seq, revision }
          expect(parseKey(archive, claimKey(archive, epoch))).toEqual({ kind: 'claim', epoch })
          expect(parseKey(archive, endKey(archive, name))).toEqual({ kind: 'end', ...name })
          expect(parseKey(archive, partKey(archive, name, part))).toEqual({
            kind: 'part',
            ...name,
            part,
          })
          const segment = { epoch, seq, from: revision }
          expect(parseKey(archive, segmentKey(archive, segment))).toEqual({
            kind: 'segment',
            ...segment,
          })
          expect(parseKey(archive, manifestKey(archive, seq))).toEqual({
            kind: 'manifest',
            number: seq,
          })
        },
      ),
    )
    const key = segmentKey(archive, { epoch: 2, seq: 4, from: 44 })
    expect(parseKey({ ...archive, keyspace: 'red' }, key)).toBeUndefined()
    expect(parseKey(archive, `${key}0`)).toBeUndefined()
    expect(parseKey(archive, key.slice(0, -1))).toBeUndefined()
    expect(parseKey(archive, archivePrefix(archive))).toBeUndefined()
  })

  it('[ARC1] of an earlier keyspace of the same name are others', () => {
    expect(generationOf('blue', claimKey(archive, 1))).toBe(1_790_000_000_000)
    expect(generationOf('blue', 'keyspaces/blue/x')).toBeUndefined()
    expect(generationOf('blu', claimKey(archive, 1))).toBeUndefined()
    const next = claimKey({ ...archive, generation: archive.generation + 1 }, 1)
    expect(behindGeneration(archive) > manifestKey(archive, 1)).toBe(true)
    expect(behindGeneration(archive) < next).toBe(true)
  })
})

describe('changes', () => {
  const number = fc.nat({ max: 2 ** 40 - 1 })
  const bytes = fc.uint8Array({ maxLength: 300 })
  const anyChange = fc.record({
    step: fc.oneof(fc.nat(3), number),
    sub: fc.nat(2 ** 23 - 1),
    deleted: fc.boolean(),
    key: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    value: bytes,
    age: number,
    version: number,
    lease: fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  })

  it('[ARC2] are read as they were written, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 50 }), (steps) => {
        let main = 0
        const changes = steps.map(({ step, sub, deleted, key, value, age, version, lease }) => {
          main += step
          const kv = deleted
            ? {
                key,
                createRevision: 0,
                modRevision: 0,
                version: 0,
                value: new Uint8Array(0),
                lease: 0n,
              }
            : {
                key,
                createRevision: Math.max(0, main - age),
                modRevision: main,
                version,
                value,
                lease,
              }
          return { main, sub, deleted, kv }
        })
        const writer = changesWritten(changes)
        const before = writer.bytes
        const { pieces, checksum } = writer.end()
        const joined = Buffer.concat(pieces)
        expect(before).toBe(joined.length)
        expect(checksum).toBe(crc32c(joined))
        expect(plain(changesIn(joined))).toEqual(plain(changes))
      }),
      { numRuns: runs(500) },
    )
  })

  it('[ARC2] that are none are refused, and nothing else comes of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        expect(['none', 'content']).toContain(damageOf(() => [...changesIn(noise)]))
      }),
      { numRuns: runs(2_000) },
    )
  })
})

/** A part of all rows. */
function allOf(rows: Section): ArchivedRows {
  return { from: null, to: 2 ** 40, rows }
}

describe('rows of a v2 store', () => {
  const anyBytes = fc.uint8Array({ maxLength: 300 })
  const anyRow: fc.Arbitrary<V2Row> = fc.oneof(
    fc.record({
      kind: fc.constant('node' as const),
      parent: anyBytes,
      name: anyBytes,
      created: fc.nat(2 ** 40),
      modified: fc.nat(2 ** 40),
      expires: fc.option(fc.maxSafeInteger(), { nil: undefined }),
      value: fc.option(anyBytes, { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('gone' as const), path: anyBytes, isDirectory: fc.boolean() }),
    fc.record({
      kind: fc.constant('event' as const),
      position: fc.nat(2 ** 40),
      path: anyBytes,
      silent: fc.boolean(),
      removed: fc.boolean(),
      event: fc.oneof(anyBytes, fc.constant(new Uint8Array(100_000))),
    }),
  )
  it('[ARC9] are read as they were written, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 30 }), fc.nat(30), (rows, place) => {
        const written = rowsWritten(rows)
        const joined = new Uint8Array(Buffer.concat(written.pieces))
        expect(written.checksum).toBe(crc32c(joined))
        expect([...rowsIn(allOf({ ...written, pieces: [joined] }))]).toEqual(rows)
        // What was taken may be put back before what has come since.
        const writer = new RowsWriter()
        rows.slice(place).forEach((row) => writer.add(row))
        writer.prepend(rowsWritten(rows.slice(0, place)))
        expect(Buffer.compare(Buffer.concat(writer.end().pieces), joined)).toBe(0)
        expect(writer.end().checksum).toBe(written.checksum)
        expect(writer.bytes).toBe(joined.length)
      }),
      { numRuns: runs(300) },
    )
  })

  it('[ARC9] that are none, or lead elsewhere than they say, are refused', () => {
    fc.assert(
      fc.property(anyBytes, (noise) => {
        const rows = { ...rowsWritten([]), pieces: [noise] }
        expect(['none', 'content']).toContain(damageOf(() => [...rowsIn(allOf(rows))]))
      }),
      { numRuns: runs(2_000) },
    )
    const rows = rowsWritten(ROWS)
    for (const [from, to] of [
      [298, 301],
      [300, 301],
      [299, 300],
      [299, 302],
      [null, 300],
    ] as const) {
      expect(damageOf(() => [...rowsIn({ from, to, rows })])).toBe('content')
    }
    const v2 = { from: 299, to: 301, rows }
    expect(damageOf(() => requireRowsBehind(v2, 299))).toBe('none')
    expect(damageOf(() => requireRowsBehind(v2, 298))).toBe('gap')
    expect(damageOf(() => requireRowsBehind(v2, undefined))).toBe('gap')
    expect(damageOf(() => requireRowsBehind({ ...v2, from: 3 }, undefined))).toBe('none')
  })
})

describe('objects', () => {
  it('[ARC3] that this and earlier versions have written are read for ever', () => {
    const segment = decodeSegment(goldenFile('segment-1'))
    expect(segment.header).toEqual({ ...SEGMENT, changes: CHANGES.length })
    expect(plain(segment.changes)).toEqual(plain(CHANGES))
    expect(plain(segment.changes)).toEqual(plain(CHANGES))
    expect(segment.state).toEqual(STATE)
    const part = decodePart(goldenFile('part-1'))
    expect(part.header).toEqual({ ...PART, changes: CHANGES.length })
    expect(plain(part.changes)).toEqual(plain(CHANGES))
    expect(part.state).toEqual(STATE)
    const { v2, ...rest } = decodeSegment(goldenFile('segment-2')).state
    expect(rest).toEqual(STATE)
    expect(v2).toMatchObject({ from: 299, to: 301 })
    expect([...rowsIn(v2 as ArchivedRows)]).toEqual(ROWS)
    const { changes, state } = decodePart(goldenFile('part-2'))
    expect([...changes]).toEqual([])
    expect(state.v2).toMatchObject({ from: null, to: 301 })
    expect([...rowsIn(state.v2 as ArchivedRows)]).toEqual(
      ROWS.filter(({ kind }) => kind !== 'gone'),
    )
    expect(decodeEnd(goldenFile('end-1'))).toEqual(END)
    expect(decodeManifest(goldenFile('manifest-1'))).toEqual(MANIFEST)
    expect(decodeClaim(goldenFile('claim-1'))).toEqual(CLAIM)
  })

  it('[ARC3] are written as the golden files are', () => {
    for (const name of Object.keys(samples) as (keyof typeof samples)[]) {
      expect(Buffer.compare(samples[name](), goldenFile(name)), name).toBe(0)
    }
  })

  it('[ARC4] that are cut off anywhere are refused as such', () => {
    const whole = goldenFile('manifest-1')
    for (let length = 1; length < whole.length; length++) {
      expect(damageOf(() => decodeManifest(whole.subarray(0, length)))).toBe('cut')
    }
    expect(damageOf(() => decodeManifest(new Uint8Array(0)))).toBe('foreign')
  })

  it('[ARC4] of which any bit is another are refused', () => {
    const { bytes } = encodeSegment(SEGMENT, changesWritten(CHANGES.slice(0, 3)), STATE)
    const kinds = new Set<string>()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const kind = damageOf(() => decodeSegment(damaged))
      expect(kind).not.toBe('none')
      kinds.add(kind)
    }
    expect([...kinds].toSorted()).toEqual(['checksum', 'cut', 'foreign', 'format'])
  })

  it('[ARC4] with bytes behind them are refused', () => {
    const longer = Buffer.concat([goldenFile('end-1'), Buffer.of(0)])
    expect(damageOf(() => decodeEnd(longer))).toBe('checksum')
  })

  it('[ARC4] of another kind, or of nobody, are refused as such', () => {
    expect(damageOf(() => decodeManifest(goldenFile('end-1')))).toBe('foreign')
    expect(damageOf(() => decodeManifest(Buffer.from('SQLite format 3\0')))).toBe('foreign')
  })

  it('[ARC4] of a later format are refused by its number', () => {
    const later = Uint8Array.from(goldenFile('end-1'))
    later[11] = 2
    expect(() => decodeEnd(later)).toThrow(
      new ArchiveDamage('format', 'is of format 2, and only 1 is known'),
    )
  })

  it('[ARC4] that are whole and make no sense are refused as such', () => {
    const { bytes } = encodeObject('manifest', { number: 'one' })
    expect(damageOf(() => decodeManifest(bytes))).toBe('content')
    const odd = encodeObject('segment', { ...SEGMENT, changes: 0 }, [
      section('leases', Buffer.from('{')),
    ]).bytes
    expect(damageOf(() => decodeSegment(odd))).toBe('content')
    const auth = encodeObject('segment', { ...SEGMENT, changes: 0 }, [
      section('auth', Buffer.of(99)),
    ]).bytes
    expect(damageOf(() => decodeSegment(auth))).toBe('content')
  })

  it('[ARC4] with other changes than they say are refused when those are read', () => {
    const early = encodeSegment({ ...SEGMENT, from: 42 }, changesWritten(CHANGES), {}).bytes
    expect(damageOf(() => [...decodeSegment(early).changes])).toBe('content')
    const late = encodePart({ ...PART, revision: 42 }, changesWritten(CHANGES), {}).bytes
    expect(damageOf(() => [...decodePart(late).changes])).toBe('content')
    const { sections } = decodeObject('segment', goldenFile('segment-1'))
    const content = section('changes', sections.get('changes') ?? new Uint8Array(0))
    const fewer = encodeObject('segment', { ...SEGMENT, changes: 5 }, [content]).bytes
    expect(damageOf(() => [...decodeSegment(fewer).changes])).toBe('content')
  })

  it('[ARC4] of whatever bytes are refused, and nothing else comes of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const bytes = Buffer.concat([Buffer.from('etcdurable\0\u0001'), noise])
        expect(damageOf(() => decodeSegment(bytes))).not.toBe('none')
      }),
      { numRuns: runs(1_000) },
    )
  })
})

describe('a chain', () => {
  const first = decodeSegment(encodeSegment(SEGMENT, changesWritten(CHANGES), {}).bytes)
  const expected = nextOf(first)
  const next = (fields: Partial<typeof SEGMENT>) =>
    decodeSegment(
      encodeSegment(
        { ...SEGMENT, seq: 4, from: 44, to: 43, previous: first.checksum, ...fields },
        changesWritten([]),
        {},
      ).bytes,
    )

  it('[ARC5] goes on with the next segment, which may have no changes', () => {
    expect(expected).toEqual({ epoch: 2, seq: 4, from: 44, previous: first.checksum })
    expect(damageOf(() => requireNext(next({}), expected))).toBe('none')
  })

  it('[ARC5] is broken by another segment, and by one that leaves out revisions', () => {
    expect(damageOf(() => requireNext(next({ previous: 1 }), expected))).toBe('chain')
    expect(damageOf(() => requireNext(next({ from: 45, to: 44 }), expected))).toBe('gap')
    expect(damageOf(() => requireNext(next({ seq: 5 }), expected))).toBe('foreign')
    expect(damageOf(() => requireNext(next({ epoch: 1 }), expected))).toBe('foreign')
    expect(damageOf(() => requireNext(next({ to: 42 }), expected))).toBe('content')
  })

  it('[ARC5] of a full’s parts is held by its end', () => {
    const written = encodePart(PART, changesWritten(CHANGES), {})
    const part = decodePart(written.bytes)
    const named = { bytes: written.bytes.length, checksum: written.checksum, changes: 4 }
    const end = { ...END, parts: [named, named] }
    expect(damageOf(() => requirePart(part, end, 1))).toBe('none')
    expect(damageOf(() => requirePart(part, end, 0))).toBe('foreign')
    expect(damageOf(() => requirePart(part, { ...end, revision: 44 }, 1))).toBe('foreign')
    expect(damageOf(() => requirePart(part, END, 1))).toBe('chain')
  })
})
