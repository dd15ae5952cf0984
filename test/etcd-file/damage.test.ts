import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FileProblem } from '../../src/etcd-file/file-problem.ts'
import { statusOfFile } from '../../src/etcd-file/status.ts'
import { revisionBytes } from '../../src/mvcc/revision-bytes.ts'
import { encode } from '../../src/protocol/binary.ts'
import { KeyValue } from '../../src/protocol/generated/messages.ts'
import type { Bucket } from '../../src/snapshot/file.ts'
import { fnv1a, partOf } from '../../src/snapshot/page.ts'
import { runs } from '../runs.ts'
import { contentOf } from '../snapshot/content.ts'
import { fileOf } from './golden-files.ts'

const PAGE = 4096

function bucketOf(name: string, entries: readonly (readonly [Uint8Array, Uint8Array])[]): Bucket {
  const parts = entries.map(([key, value]) => ({ key: partOf(key), value: partOf(value) }))
  return { name, entries: () => parts, sizes: () => parts }
}

const text = (value: string): Buffer => Buffer.from(value)

function rowOf(main: number): readonly [Uint8Array, Uint8Array] {
  const kv = { key: text('k'), createRevision: 2, modRevision: main, version: main - 1 }
  const value = encode(KeyValue, { ...kv, value: Buffer.alloc(100, 'v'), lease: 0n })
  return [revisionBytes({ main, sub: 0, deleted: false }), value]
}

const rows = Array.from({ length: 400 }, (_, i) => rowOf(i + 2))

/** Two metas, leaves of four pages each from page 2 on, their branch, and the names. */
const sound = (): Buffer => contentOf([bucketOf('key', rows)])
const pages = sound().length / PAGE
const NAMES = pages - 1
const ROOT = pages - 2

/** What is said of a file; undefined where nothing is wrong with it. */
function problemOf(bytes: Uint8Array): string | undefined {
  try {
    statusOfFile(fileOf(bytes))
    return undefined
  } catch (error) {
    if (error instanceof FileProblem) {
      return error.message
    }
    throw error
  }
}

/** A file of which page `page` is another one from its byte `at` on. */
function changed(page: number, at: number, ...numbers: readonly number[]): Buffer {
  const bytes = sound()
  numbers.forEach((number, i) => bytes.writeUInt32LE(number, page * PAGE + at + 4 * i))
  return bytes
}

/** Both metas say something else, under a sum that is right or not. */
function metas(at: number, value: number, summed = false): Buffer {
  const bytes = sound()
  for (const page of [0, PAGE]) {
    bytes.writeUInt32LE(value, page + at)
    if (summed) {
      bytes.writeBigUInt64LE(fnv1a(bytes.subarray(page + 16, page + 72)), page + 72)
    }
  }
  return bytes
}

const without = (name: string): Buffer => contentOf([bucketOf(name, [])])
const meta = (key: string, value: Uint8Array): Buffer =>
  contentOf([bucketOf('key', rows), bucketOf('meta', [[text(key), value]])])
const keyed = (...entries: readonly (readonly [Uint8Array, Uint8Array])[]): Buffer =>
  contentOf([bucketOf('key', entries)])

describe('a damaged file', () => {
  it('[SNP16] is told from a sound one', () => {
    expect(problemOf(sound())).toBeUndefined()
  })

  it.each<readonly [problem: string, file: Buffer]>([
    ['is no bbolt file, as snapshots and databases of etcd are', Buffer.alloc(0)],
    ['is no bbolt file, as snapshots and databases of etcd are', Buffer.alloc(9000, 'text')],
    ['is no bbolt file, as snapshots and databases of etcd are', metas(16, 1)],
    ['is a bbolt file of version 3, and only 2 is known', metas(20, 3)],
    ['is damaged: the checksums of its meta pages are wrong', metas(56, 7)],
    ['is damaged: its pages have 100 bytes', metas(24, 100, true)],
    ['is a bbolt file, but none of etcd: it has no bucket "key"', without('keys')],
    [`is cut off: it has 8192 bytes, and its pages are ${pages * PAGE}`, sound().subarray(0, 8192)],
    [
      `is cut off: it has ${(pages - 1) * PAGE + 32} bytes, and its pages are ${pages * PAGE}`,
      sound().subarray(0, (pages - 1) * PAGE + 32),
    ],
    ['is cut off: part of a hash is behind its pages', Buffer.concat([sound(), Buffer.alloc(31)])],
    [
      `is damaged: page ${pages + 1} is outside of its ${pages} pages`,
      changed(ROOT, 24, pages + 1),
    ],
    [`is damaged: page 1 is outside of its ${pages} pages`, changed(ROOT, 24, 1)],
    ['is damaged: page 2 says that it is page 9', changed(2, 0, 9)],
    [`is damaged: page 2 goes on beyond its ${pages} pages`, changed(2, 12, pages)],
    [`is damaged: page ${ROOT} is reached twice`, changed(ROOT, 24, ROOT)],
    ['is damaged: page 2 is reached twice', changed(ROOT, 40, 2)],
    ['is damaged: page 2 is a list of free pages where keys are looked for', kindOf(2, 0x10)],
    ['is damaged: page 2 is a meta page where keys are looked for', kindOf(2, 0x04)],
    ['is damaged: page 2 is of the unknown kind 3 where keys are looked for', kindOf(2, 0x03)],
    ['is damaged: a key of page 2 is outside of the page', changed(2, 20, 4 * PAGE)],
    ['is damaged: a key of page 2 is outside of the page', changed(2, 28, 2 ** 32 - 1)],
    ['is damaged: a key of page 2 is outside of the page', changed(2, 20, 0)],
    ['is damaged: the bucket "key" has a bucket in it', changed(2, 16, 1)],
    ['is damaged: "key" is no bucket', changed(NAMES, 16, 0)],
    ['is damaged: the keys of page 2 are out of order', repeated()],
    ['is damaged: the keys of page 2 are not those that the page above it tells of', early()],
    ['is damaged: a key of the bucket "key" is no revision', keyed([text('k'), text('v')])],
    [
      'is damaged: its revision 1099511627776, change 0, is beyond what there can be',
      keyed(rowOf(2 ** 40)),
    ],
    [
      'is damaged: the value of revision 5 is not one of that revision',
      keyed([rowOf(5)[0], rowOf(6)[1]]),
    ],
    ['is damaged: the value of revision 5 is unreadable', keyed([rowOf(5)[0], text('\xff')])],
    [
      'is of storage version 3.8.0, and no later one than 3.7.0 is known',
      meta('storageVersion', text('3.8.0')),
    ],
    [
      'is of storage version 4.0.0, and no later one than 3.7.0 is known',
      meta('storageVersion', text('4.0.0')),
    ],
    ['is damaged: "new" is no storage version', meta('storageVersion', text('new'))],
    ['is damaged: a key of the bucket "key" is no revision', meta('finishedCompactRev', text('9'))],
  ])('[SNP16] %s', (problem, file) => {
    expect(problemOf(file)).toBe(problem)
  })

  it('[SNP16] of which one meta page is torn has the other one, as in bbolt', () => {
    const expected = statusOfFile(fileOf(sound()))
    for (const page of [0, 1]) {
      const torn = sound()
      torn.fill(0xff, page * PAGE + 30, page * PAGE + 80)
      expect(statusOfFile(fileOf(torn))).toEqual(expected)
    }
  })

  it('[SNP17] however it is damaged, a file is refused or read, and nothing else comes of it', () => {
    const content = sound()
    const anyDamage = fc.array(fc.record({ at: fc.nat(content.length - 1), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 4,
    })
    // Most damage matters at the head of a page.
    const anyHead = fc.record({ page: fc.nat(pages - 1), at: fc.nat(80), byte: fc.nat(255) })
    fc.assert(
      fc.property(anyDamage, fc.array(anyHead, { maxLength: 3 }), (bytes, heads) => {
        const file = sound()
        bytes.forEach(({ at, byte }) => (file[at] = byte))
        heads.forEach(({ page, at, byte }) => (file[page * PAGE + at] = byte))
        problemOf(file)
      }),
      { numRuns: runs(300) },
    )
  })
})

function kindOf(page: number, kind: number): Buffer {
  const bytes = sound()
  bytes.writeUInt16LE(kind, page * PAGE + 8)
  return bytes
}

/** The second key of the first leaf is the first one again. */
function repeated(): Buffer {
  const bytes = sound()
  bytes[keyAt(bytes, 2, 1) + 7] = 2
  return bytes
}

/** The first key of the first leaf is before the one that the branch has for it. */
function early(): Buffer {
  const bytes = sound()
  bytes[keyAt(bytes, 2, 0) + 7] = 1
  return bytes
}

/** Where a key of a leaf stands. */
function keyAt(bytes: Buffer, page: number, index: number): number {
  const element = page * PAGE + 16 + 16 * index
  return element + bytes.readUInt32LE(element + 4)
}
