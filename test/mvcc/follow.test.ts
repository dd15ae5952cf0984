import assert from 'node:assert/strict'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { changesIn, ChangesWriter } from '../../src/archive/changes.ts'
import type { HashKv } from '../../src/mvcc/hash.ts'
import type { Change } from '../../src/mvcc/history.ts'
import { BrokenHistory } from '../../src/mvcc/restore.ts'
import { Store } from '../../src/mvcc/store.ts'
import type { Event, Revision } from '../../src/mvcc/types.ts'
import { runs } from '../runs.ts'
import { Pair } from './model-pair.ts'
import { anyStep, type Step } from './model-steps.ts'
import { openNodeSql } from './node-sql.ts'
import { CUTTING_ROW_BYTES } from './random-requests.ts'

/** The ids of parts are the storage's own: who has deleted some gives them anew. */
const TABLES = [
  'SELECT * FROM log',
  'SELECT * FROM current',
  'SELECT log_id, bytes FROM value_part ORDER BY log_id, id',
]

/** A step of the one that leads, and of the one that follows behind it. */
interface Move {
  readonly step: Step
  readonly behind: 'nothing' | 'follow' | 'reopen' | 'compact' | 'slice'
}

const anyMove: fc.Arbitrary<Move> = fc.record({
  step: anyStep,
  behind: fc.constantFrom('nothing', 'nothing', 'follow', 'follow', 'reopen', 'compact', 'slice'),
})

/** A store that follows another one's changes, as they come out of a frame. */
class Follower {
  readonly sql = openNodeSql()
  readonly told = new Map<Revision, readonly Event[] | 'many'>()
  store = this.#open()

  #open(): Store {
    return new Store(
      this.sql,
      {
        txnOpsMax: 5,
        hasLease: () => false,
        changed: (revision, events) => this.told.set(revision, events),
      },
      CUTTING_ROW_BYTES,
    )
  }

  follow(changes: Iterable<Change<Uint8Array>>): void {
    const writer = new ChangesWriter()
    for (const change of changes) {
      writer.add(change)
    }
    const section = new Uint8Array(Buffer.concat(writer.end().pieces))
    this.store.follow(changesIn(section))
  }

  catchUp({ store }: Pair): void {
    // What is compacted physically is not to be had any more: a replica copies anew.
    assert(store.keepsAllSince(this.store.revision + 1))
    this.follow(store.changesBetween(this.store.revision + 1, store.revision))
  }

  reopen(): void {
    this.store = this.#open()
  }
}

function finishCompaction(store: Store): void {
  let isMore = true
  while (isMore) {
    isMore = store.compactSlice(undefined)
  }
}

function finished(steps: Generator<void, HashKv>): HashKv {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

function hold(moves: readonly Move[]): void {
  const pair = new Pair()
  const follower = new Follower()
  for (const { step, behind } of moves) {
    if (step.do !== 'slice' || pair.store.revision === follower.store.revision) {
      pair.step(step)
    }
    if (behind === 'reopen') {
      follower.reopen()
    } else if (behind === 'slice') {
      follower.store.compactSlice(undefined)
    } else if (behind !== 'nothing') {
      follower.catchUp(pair)
      if (behind === 'compact' && pair.store.compactRevision > follower.store.compactRevision) {
        follower.store.compact(pair.store.compactRevision)
      }
    }
  }
  follower.catchUp(pair)
  if (pair.store.compactRevision > follower.store.compactRevision) {
    follower.store.compact(pair.store.compactRevision)
  }
  finishCompaction(pair.store)
  finishCompaction(follower.store)
  expect(follower.store.revision).toBe(pair.store.revision)
  expect(follower.store.keys).toBe(pair.store.keys)
  for (const rows of TABLES) {
    expect(follower.sql.all(rows)).toEqual(pair.sql.all(rows))
  }
  // A hash that a compaction has remembered is of what was there before.
  for (let at = Math.max(pair.store.compactRevision, 0) + 1; at <= pair.store.revision; at++) {
    expect(finished(follower.store.hashKv(at))).toEqual(finished(pair.store.hashKv(at)))
  }
}

it('[RPL1] a store that follows another one has its rows, byte for byte, and its HashKV at every revision', () => {
  const moves = fc.array(anyMove, { maxLength: 60, size: 'max' })
  fc.assert(fc.property(moves, hold), { numRuns: runs(600) })
}, 60_000)

it('[RPL2] watchers of a store that follows are told of each revision as the other one told it', () => {
  const pair = new Pair()
  const follower = new Follower()
  const steps = fc.sample(anyStep, { numRuns: 200, seed: 3 })
  for (const step of steps.filter(({ do: name }) => name !== 'slice')) {
    pair.step(step)
  }
  follower.catchUp(pair)
  for (const [revision, events] of follower.told) {
    expect(events).toEqual([
      ...pair.store.events(revision, { start: new Uint8Array(0), end: undefined }, revision + 1),
    ])
  }
  expect([...follower.told.keys()]).toEqual(
    Array.from({ length: pair.store.revision - 1 }, (_, at) => at + 2),
  )
})

it('[RPL3] what does not follow from what is there is refused whole', () => {
  const key = Buffer.from('a')
  const put = (main: Revision, version: number, createRevision = 2): Change<Uint8Array> => {
    const value = Buffer.from(`${main}`)
    const kv = { key, value, createRevision, modRevision: main, version, lease: 0n }
    return { main, sub: 0, deleted: false, kv }
  }
  const gone = { ...put(3, 0), deleted: true }
  const follower = new Follower()
  follower.follow([put(2, 1)])
  const wrong: readonly (readonly Change<Uint8Array>[])[] = [
    [put(4, 2)],
    [put(2, 2)],
    [put(3, 3)],
    [put(3, 2, 1)],
    [put(3, 2), put(5, 3)],
    [{ ...put(3, 2), sub: 1 }],
    [gone, put(4, 2)],
    [gone, { ...gone, main: 4 }],
  ]
  for (const changes of wrong) {
    expect(() => follower.follow(changes)).toThrow(BrokenHistory)
    expect(follower.store.revision).toBe(2)
    expect(follower.store.keys).toBe(1)
  }
  follower.follow([put(3, 2), { ...put(4, 0), deleted: true }, put(5, 1, 5)])
  expect(follower.store.revision).toBe(5)
})
