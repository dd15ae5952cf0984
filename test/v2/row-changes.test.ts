import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSegment, encodeSegment } from '../../src/archive/segment.ts'
import { type ArchivedRows, rowsIn } from '../../src/archive/v2-rows.ts'
import type { Sql } from '../../src/mvcc/sql.ts'
import { LOST, rowsOfAll, rowsSince, V2Journal } from '../../src/shard/replication/v2-journal.ts'
import type { V2Row } from '../../src/v2/row-change.ts'
import { V2Store } from '../../src/v2/store.ts'
import { TreeRestore } from '../../src/v2/tree-restore.ts'
import { TreeSnapshot } from '../../src/v2/tree-snapshot.ts'
import { changesWritten, SEGMENT } from '../archive/samples.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { randomOf } from '../replication/virtual-clock.ts'
import { runs } from '../runs.ts'
import { actOnTree, shownTree } from './tree-world.ts'

const NOW = 1_700_000_000_000

/** A store in which clients do this and that by a seed. */
class TreeWorld {
  readonly sql = openNodeSql()
  readonly store = new V2Store(this.sql)
  readonly below: (count: number) => number
  #now = NOW

  constructor(seed: number) {
    const random = randomOf(seed)
    this.below = (count) => Math.floor(random() * count)
  }

  act(times: number): void {
    for (let time = 0; time < times; time++) {
      this.#now += this.below(5_000)
      actOnTree(this.store, this.below, this.#now)
    }
  }
}

/** As it comes out of a segment. */
function sent(v2: ArchivedRows): Iterable<V2Row> {
  const { bytes } = encodeSegment(SEGMENT, changesWritten([]), { v2 })
  const { state } = decodeSegment(bytes)
  expect(state.v2).toMatchObject({ from: v2.from, to: v2.to })
  return state.v2 === undefined ? [] : rowsIn(state.v2)
}

function write(sql: Sql, rows: Iterable<V2Row>): void {
  const tree = new TreeRestore(sql)
  for (const row of rows) {
    tree.take(row)
  }
}

function taken(rows: ArchivedRows | typeof LOST | undefined): ArchivedRows {
  if (rows === undefined || rows === LOST) {
    throw new Error(`nothing was taken: ${String(rows)}`)
  }
  return rows
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })

describe('rows of a v2 store that have changed', () => {
  it('[V2K33] make of the rows before what is there behind, also where they are taken once more', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const world = new TreeWorld(seed)
        const copy = openNodeSql()
        const journal = new V2Journal(world.sql, world.store)
        for (let piece = 0, from = world.store.index; piece < 6; piece++) {
          world.act(world.below(40))
          let rows = journal.take(from)
          if (rows !== undefined && rows !== LOST && world.below(3) === 0) {
            write(copy, sent(rows))
            journal.putBack(rows)
            world.act(world.below(10))
            rows = journal.take(from)
          }
          if (rows !== undefined) {
            write(copy, sent(taken(rows)))
          }
          from = world.store.index
          expect(shownTree(copy)).toBe(shownTree(world.sql))
        }
      }),
      { numRuns: runs(40) },
    )
  })

  it('[V2K33] are known of the 1,000 that the store remembers, and of no more', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const world = new TreeWorld(seed)
        world.act(world.below(300))
        const copy = openNodeSql()
        write(copy, sent(rowsOfAll(world.sql, world.store, 1e9) as ArchivedRows))
        const from = world.store.index
        world.act(world.below(2_500))
        const to = world.store.index
        const rows = rowsSince(world.sql, from, to)
        const isKnown = to - from <= 1000
        expect(rows !== LOST).toBe(isKnown)
        write(copy, rows === LOST ? [] : sent(rows))
        expect(!isKnown || shownTree(copy) === shownTree(world.sql)).toBe(true)
      }),
      { numRuns: runs(20) },
    )
  })

  it('[V2K34] all at one moment are read in slices while they change', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const world = new TreeWorld(seed)
        world.act(world.below(1_500))
        const tree = new TreeSnapshot(world.sql, world.store)
        const [before, { index }] = [shownTree(world.sql), world.store]
        const copy = openNodeSql()
        for (let rows = tree.next(500); rows !== undefined; rows = tree.next(500)) {
          write(copy, rows)
          world.act(world.below(world.below(10) === 0 ? 1_200 : 20))
        }
        expect(shownTree(copy)).toBe(before)
        expect(tree.index).toBe(index)
        expect(world.store.followers.size).toBe(0)
      }),
      { numRuns: runs(30) },
    )
  })

  it('[V2K34] go on behind a slice of the whole as behind the whole', () => {
    const world = new TreeWorld(7)
    world.act(500)
    const journal = new V2Journal(world.sql, world.store)
    const tree = new TreeSnapshot(world.sql, world.store)
    const copy = openNodeSql()
    for (let rows = tree.next(500); rows !== undefined; rows = tree.next(500)) {
      write(copy, rows)
      world.act(5)
    }
    write(copy, sent(taken(journal.take(tree.index))))
    expect(shownTree(copy)).toBe(shownTree(world.sql))
    const again = new V2Store(copy)
    expect([again.index, again.nextExpiry]).toEqual([
      world.store.index,
      new V2Store(world.sql).nextExpiry,
    ])
  })

  it('[V2K34] with values and events longer than a row are read and written too', () => {
    const world = new TreeWorld(1)
    const long = {
      dir: false,
      expires: undefined,
      refresh: false,
      value: '\u0001'.repeat(1_400_000),
    }
    world.store.set('/1/long', long, NOW)
    world.store.set('/1/long', long, NOW)
    const copy = openNodeSql()
    write(copy, sent(rowsOfAll(world.sql, world.store, 1e9) as ArchivedRows))
    expect(shownTree(copy)).toBe(shownTree(world.sql))
    expect(rowsOfAll(world.sql, world.store, 1e6)).toBe(LOST)
  })
})
