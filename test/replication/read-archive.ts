import { decodeEnd, decodePart, requirePart } from '../../src/archive/full.ts'
import { decodeManifest, type Manifest } from '../../src/archive/manifest.ts'
import { endKey, manifestKey, partKey, segmentKey } from '../../src/archive/names.ts'
import type { ArchiveName } from '../../src/archive/names.ts'
import {
  decodeSegment,
  type Expected,
  followsAnother,
  nextOf,
  requireNext,
} from '../../src/archive/segment.ts'
import type { ArchivedState, LeaseChange } from '../../src/archive/state.ts'
import { type ArchivedRows, requireRowsBehind, rowsIn } from '../../src/archive/v2-rows.ts'
import type { Change } from '../../src/mvcc/history.ts'
import { FIRST_INDEX } from '../../src/v2/event-history.ts'
import { TreeRestore } from '../../src/v2/tree-restore.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { shownTree } from '../v2/tree-world.ts'
import { ARCHIVE, shown } from './replicated-shard.ts'

/** What there is of an archive at its latest point, read as simply as can be. */
export interface ReadArchive {
  readonly manifest: Manifest
  readonly epoch: number
  /** Of the full that it begins with, and the last one. */
  readonly from: number
  readonly to: number
  /** In ms since 1970: when the last segment ended. */
  readonly time: number
  /** What each revision changed, as far as the full and the segments behind it have it. */
  readonly changes: ReadonlyMap<number, string>
  readonly state: ArchivedState
  readonly leases: ReadonlyMap<string, number>
  readonly journal: readonly LeaseChange[]
  readonly segments: number
  /** The fields of the state that the last segment has. */
  readonly last: readonly string[]
  /** The v2 store's rows where an object ended, by its index. */
  readonly trees: ReadonlyMap<number, string>
}

type Objects = ReadonlyMap<string, Uint8Array>

/** From the full at that place of the manifest, the last by default. Throws where anything is missing. */
export function readArchive(
  objects: Objects,
  place = -1,
  archive: ArchiveName = ARCHIVE,
): ReadArchive | undefined {
  const manifest = latest(objects, archive)
  const full = manifest?.fulls.at(place)
  if (manifest === undefined || full === undefined) {
    return undefined
  }
  const end = decodeEnd(found(objects, endKey(archive, full)))
  const changes = new Map<number, string>()
  const journal: LeaseChange[] = []
  let state: ArchivedState = {}
  let leases = new Map<string, number>()
  const sql = openNodeSql()
  const tree = new TreeRestore(sql)
  const trees = new Map<number, string>()
  let index: number | undefined
  const takeRows = (v2: ArchivedRows): void => {
    if (v2.from !== null) {
      requireRowsBehind(v2, index)
    }
    for (const row of rowsIn(v2)) {
      tree.take(row)
    }
    index = v2.to
  }
  const take = (read: ArchivedState): void => {
    if (read.v2 !== undefined) {
      takeRows(read.v2)
    }
    state = { ...state, ...read }
    if (read.leases?.complete === true) {
      leases = new Map()
    }
    for (const [revision, id, ttl] of read.leases?.journal ?? []) {
      journal.push([revision, id, ttl])
      if (ttl === null) {
        leases.delete(id)
      } else {
        leases.set(id, ttl)
      }
    }
  }
  const add = (change: Change<Uint8Array>): void => {
    changes.set(change.main, (changes.get(change.main) ?? '') + shown(change))
  }
  for (const part of end.parts.keys()) {
    const read = decodePart(found(objects, partKey(archive, full, part)))
    requirePart(read, end, part)
    for (const change of read.changes) {
      add(change)
    }
    take(read.state)
  }
  trees.set(index ?? FIRST_INDEX, shownTree(sql))
  let next: Expected = {
    epoch: full.epoch,
    seq: full.seq + 1,
    from: full.revision + 1,
    previous: end.previous,
  }
  let { time } = end
  let last: readonly string[] = []
  const listed = manifest.chains.find(({ epoch }) => epoch === full.epoch)?.last.seq ?? 0
  for (;;) {
    const bytes = objects.get(segmentKey(archive, next))
    const segment = bytes && decodeSegment(bytes)
    // One that was sent behind a segment that the store has lost, and that was sent anew.
    const isStray = segment && next.seq > listed && followsAnother(segment, next)
    if (segment === undefined || isStray === true) {
      if (next.seq <= listed) {
        throw new Error(`segment ${next.seq} is named by the manifest, and is not there`)
      }
      const { epoch } = full
      const segments = next.seq - full.seq - 1
      const { revision: from } = full
      return {
        manifest,
        epoch,
        from,
        to: next.from - 1,
        time,
        changes,
        state,
        leases,
        journal,
        segments,
        last,
        trees,
      }
    }
    requireNext(segment, next)
    for (const change of segment.changes) {
      add(change)
    }
    take(segment.state)
    trees.set(index ?? FIRST_INDEX, shownTree(sql))
    last = Object.keys(segment.state)
    ;({ time } = segment.header)
    next = nextOf(segment)
  }
}

function latest(objects: Objects, archive: ArchiveName): Manifest | undefined {
  const numbers = [...objects.keys()].filter((key) => key.includes('/manifests/'))
  const last = numbers.toSorted().at(-1)
  if (last === undefined) {
    return undefined
  }
  const number = Number(last.slice(-10))
  return decodeManifest(found(objects, manifestKey(archive, number)))
}

function found(objects: Objects, key: string): Uint8Array {
  const bytes = objects.get(key)
  if (bytes === undefined) {
    throw new Error(`${key} is missing`)
  }
  return bytes
}
