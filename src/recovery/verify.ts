import { ArchiveDamage } from '../archive/archive-damage.ts'
import { FullHash } from '../archive/full-hash.ts'
import type { Chain, FullEntry } from '../archive/manifest.ts'
import { partKey, segmentKey } from '../archive/names.ts'
import { endKey } from '../archive/names.ts'
import type { Expected } from '../archive/segment.ts'
import type { ArchivedState } from '../archive/state.ts'
import { requireRowsBehind, rowsIn } from '../archive/v2-rows.ts'
import { bytesOfRow } from '../v2/row-change.ts'
import { type ArchiveReader, brokenBy } from './archive-reader.ts'
import { BrokenArchive } from './broken-archive.ts'
import { CHANGES_AT_ONCE, pause } from './pause.ts'
import { segmentsFrom } from './segment-walk.ts'

/** What was read back and found as it was written. */
export interface Verified {
  readonly objects: number
  readonly bytes: number
  readonly changes: number
}

/**
 * Reads a full back, twice: checksums, and HashKV if it was asked when the full was made. Throws
 * BrokenArchive.
 */
export async function verifyFull(reader: ArchiveReader, full: FullEntry): Promise<Verified> {
  const end = await reader.end(full)
  const key = endKey(reader.archive, end)
  const sum = new FullHash(end.compaction.revision)
  let changes = 0
  let looked = 0
  for (const pass of ['look', 'add'] as const) {
    for (let number = 0; number < end.parts.length; number++) {
      const part = await reader.part(end, number)
      try {
        for (const change of part.changes) {
          sum[pass](change)
          if (++looked % CHANGES_AT_ONCE === 0) {
            await pause()
          }
          changes += pass === 'add' ? 1 : 0
        }
        await readRows(part.state)
      } catch (error) {
        throw brokenBy(partKey(reader.archive, end, number), error)
      }
    }
  }
  // That of the compacted revision itself may be of the time before the compaction.
  const isComparable = end.hash?.compactRevision === end.compaction.revision
  if (end.hash !== null && isComparable && end.hash.hash !== sum.hash) {
    const damage = new ArchiveDamage(
      'content',
      `has HashKV ${end.hash.hash}, and its parts ${sum.hash}`,
    )
    throw new BrokenArchive(key, damage)
  }
  const bytes = end.parts.reduce((total, part) => total + part.bytes, 0)
  return { objects: end.parts.length + 1, bytes, changes }
}

/**
 * Reads segments of a chain back, at most so many bytes of changes and one more segment. Answers what is
 * next, if the chain goes on. Throws BrokenArchive.
 */
export async function verifySegments(
  reader: ArchiveReader,
  chain: Chain,
  from: Expected,
  bytesMax: number,
): Promise<Verified & { readonly next: Expected | undefined }> {
  let objects = 0
  let bytes = 0
  let changes = 0
  /** Of the v2 store. */
  let index: number | undefined
  for await (const { segment, expected } of segmentsFrom(reader, from, chain)) {
    if (bytes >= bytesMax) {
      return { objects, bytes, changes, next: expected }
    }
    try {
      for (const { kv } of segment.changes) {
        bytes += kv.key.length + kv.value.length
        if (++changes % CHANGES_AT_ONCE === 0) {
          await pause()
        }
      }
      const { v2 } = segment.state
      if (v2 !== undefined && index !== undefined) {
        requireRowsBehind(v2, index)
      }
      bytes += await readRows(segment.state)
      index = v2?.to ?? index
    } catch (error) {
      throw brokenBy(segmentKey(reader.archive, expected), error)
    }
    objects++
  }
  return { objects, bytes, changes, next: undefined }
}

/** Finds that rows of the v2 store are some. Answers of how many bytes. Throws ArchiveDamage. */
async function readRows({ v2 }: ArchivedState): Promise<number> {
  let rows = 0
  let bytes = 0
  for (const row of v2 === undefined ? [] : rowsIn(v2)) {
    bytes += bytesOfRow(row)
    if (++rows % CHANGES_AT_ONCE === 0) {
      await pause()
    }
  }
  return bytes
}

/** The first segment of a chain that is kept. */
export function chainStart({ epoch, first: { seq, from } }: Chain): Expected {
  return { epoch, seq, from, previous: seq === 1 ? null : undefined }
}
