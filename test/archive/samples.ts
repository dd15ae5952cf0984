import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ChangesWriter } from '../../src/archive/changes.ts'
import { type Claim, encodeClaim } from '../../src/archive/claim.ts'
import type { Section } from '../../src/archive/container.ts'
import { encodeEnd, encodePart, type FullEnd, type PartHeader } from '../../src/archive/full.ts'
import { encodeManifest, type Manifest } from '../../src/archive/manifest.ts'
import { encodeSegment, type SegmentHeader } from '../../src/archive/segment.ts'
import type { ArchivedState } from '../../src/archive/state.ts'
import { RowsWriter } from '../../src/archive/v2-rows.ts'
import type { Change } from '../../src/mvcc/history.ts'
import type { V2Row } from '../../src/v2/row-change.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const ORIGIN = { keyspace: 'blue', generation: 1_790_000_000_000, cluster: '123', epoch: 2 }

/** One of each kind of change; the value of the last one is longer than a piece. */
export const CHANGES: readonly Change<Uint8Array>[] = [
  version(41, 0, { key: 'a', value: 'first' }),
  { main: 42, sub: 0, deleted: true, kv: { ...gone(), key: bytes('a') } },
  version(42, 1, { key: 'b', value: '', createRevision: 7, version: 300, lease: -5n }),
  version(43, 0, { key: 'c\0ä', value: 'x'.repeat(100_000), lease: 2n ** 62n }),
]

function version(
  main: number,
  sub: number,
  fields: { key: string; value: string; createRevision?: number; version?: number; lease?: bigint },
): Change<Uint8Array> {
  const { createRevision = main, version: count = 1, lease = 0n } = fields
  const [key, value] = [bytes(fields.key), bytes(fields.value)]
  const kv = { key, value, createRevision, modRevision: main, version: count, lease }
  return { main, sub, deleted: false, kv }
}

function gone(): Omit<Change<Uint8Array>['kv'], 'key'> {
  return { createRevision: 0, modRevision: 0, version: 0, value: new Uint8Array(0), lease: 0n }
}

export const STATE: ArchivedState = {
  leases: {
    complete: true,
    journal: [
      [41, '-5', 60],
      [42, '7', null],
      [43, '4611686018427387904', 9],
    ],
  },
  tokens: [
    {
      id: '0123456789abcdef',
      hash: '00ff'.repeat(16),
      access: 'read-write',
      commonNames: false,
      description: 'of the lab',
      created: 1_790_000_000_001,
      expires: null,
    },
  ],
  options: {
    quotaBackendBytes: 1_000_000,
    autoCompactionMode: null,
    autoCompactionRetention: '5m',
  },
  members: [{ id: '18446744073709551615', peerUrls: ['http://localhost:2380'], learner: false }],
  auth: [{ bucket: 'auth', key: bytes('authEnabled'), value: Uint8Array.of(1) }],
  maintenance: [{ bucket: 'alarm', key: Uint8Array.of(8, 1, 16, 1), value: new Uint8Array(0) }],
}

export const SEGMENT: Omit<SegmentHeader, 'changes'> = {
  ...ORIGIN,
  seq: 3,
  from: 41,
  to: 43,
  previous: 0xfedcba98,
  time: 1_790_000_010_000,
  marks: [
    [1_790_000_009_000, 42],
    [1_790_000_010_000, 43],
  ],
  compaction: { revision: 12, finished: false },
}

export const PART: Omit<PartHeader, 'changes'> = { ...ORIGIN, seq: 3, revision: 43, part: 1 }

export const END: FullEnd = {
  ...ORIGIN,
  seq: 3,
  revision: 43,
  compaction: { revision: -1, finished: true },
  time: 1_790_000_010_000,
  parts: [
    { bytes: 9, checksum: 1, changes: 2 },
    { bytes: 100_000, checksum: 4, changes: 4 },
  ],
  hash: { hash: 3_000_000_000, revision: 43, compactRevision: -1 },
  previous: null,
}

export const MANIFEST: Manifest = {
  ...ORIGIN,
  number: 17,
  time: 1_790_000_020_000,
  chains: [
    {
      epoch: 2,
      first: { seq: 1, from: 30 },
      last: { seq: 3, to: 43, time: 1_790_000_010_000, checksum: 77 },
      bytes: 123_456,
    },
  ],
  fulls: [
    {
      epoch: 2,
      seq: 0,
      revision: 29,
      compactRevision: 12,
      time: 1_790_000_000_500,
      parts: 1,
      bytes: 512,
    },
  ],
  marks: [{ time: 1_790_000_010_000, to: 43, epoch: 2, seq: 3, from: 41 }],
}

export const CLAIM: Claim = { ...ORIGIN, claimant: 'a7c1', time: 1_790_000_000_400 }

export function changesWritten(changes: readonly Change<Uint8Array>[]): ChangesWriter {
  const writer = new ChangesWriter()
  changes.forEach((change) => writer.add(change))
  return writer
}

/** Of the v2 store one of each kind of row, all that it has to say. */
export const ROWS: readonly V2Row[] = [
  {
    kind: 'node',
    parent: bytes('/1'),
    name: bytes('dir'),
    created: 5,
    modified: 5,
    expires: 1_790_000_100_000,
    value: undefined,
  },
  {
    kind: 'node',
    parent: bytes('/1/dir'),
    name: Uint8Array.of(0xff, 0x41),
    created: 5,
    modified: 300,
    expires: -62_135_596_800_000,
    value: bytes('v'.repeat(200)),
  },
  node('/1', 'file', ''),
  {
    kind: 'event',
    position: 300,
    path: bytes('/1/file'),
    silent: true,
    removed: false,
    event: bytes('{}\n'),
  },
  { kind: 'gone', path: bytes('/1/file'), isDirectory: false },
  { kind: 'gone', path: bytes('/1/dir'), isDirectory: true },
  {
    kind: 'event',
    position: 301,
    path: bytes('/1/dir'),
    silent: false,
    removed: true,
    event: bytes(''),
  },
]

function node(parent: string, name: string, value: string): V2Row {
  const numbers = { created: 300, modified: 300, expires: undefined }
  return { kind: 'node', parent: bytes(parent), name: bytes(name), value: bytes(value), ...numbers }
}

export function rowsWritten(rows: readonly V2Row[]): Section {
  const writer = new RowsWriter()
  rows.forEach((row) => writer.add(row))
  return writer.end()
}

/** The samples, encoded, by the names of their golden files. */
export const samples = {
  'segment-1': () => encodeSegment(SEGMENT, changesWritten(CHANGES), STATE).bytes,
  'segment-2': () => {
    const v2 = { from: 299, to: 301, rows: rowsWritten(ROWS) }
    return encodeSegment(SEGMENT, changesWritten(CHANGES), { ...STATE, v2 }).bytes
  },
  'part-2': () => {
    const v2 = {
      from: null,
      to: 301,
      rows: rowsWritten(ROWS.filter(({ kind }) => kind !== 'gone')),
    }
    return encodePart(PART, changesWritten([]), { v2 }).bytes
  },
  'part-1': () => encodePart(PART, changesWritten(CHANGES), STATE).bytes,
  'end-1': () => encodeEnd(END),
  'manifest-1': () => encodeManifest(MANIFEST),
  'claim-1': () => encodeClaim(CLAIM),
} as const

/** Written once by the version that the number in its name says, and read for ever. */
export function goldenFile(name: keyof typeof samples): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, '..', 'golden', 'archive', name)))
}
