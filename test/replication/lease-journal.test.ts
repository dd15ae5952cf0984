import { describe, expect, it } from 'vitest'
import { JOURNAL_MAX, LeaseJournal } from '../../src/shard/replication/lease-journal.ts'
import { TIME_MARKS_MAX, TimeMarks } from '../../src/shard/replication/time-marks.ts'

describe('the journal of leases', () => {
  it('[REP7] has what became of them since it was taken', () => {
    const journal = new LeaseJournal([{ ID: 5n, TTL: 60 }])
    journal.granted(10, 7n, 30)
    journal.revoked(11, 5n, 60)
    expect(journal.take()).toEqual([
      [10, '7', 30],
      [11, '5', null],
    ])
    expect(journal.take()).toEqual([])
  })

  it('[REP7] has what could not be sent before what came later', () => {
    const journal = new LeaseJournal([])
    journal.granted(1, 1n, 30)
    const taken = journal.take()
    journal.granted(2, 2n, 30)
    journal.putBack(taken)
    expect(journal.take()).toEqual([
      [1, '1', 30],
      [2, '2', 30],
    ])
  })

  it('[REP7] knows nothing once it was too much, until all leases were taken', () => {
    const journal = new LeaseJournal([])
    for (let id = 0; id <= JOURNAL_MAX; id++) {
      journal.granted(1, BigInt(id), 30)
    }
    const taken = journal.take()
    expect(taken).toBeUndefined()
    journal.granted(2, 1_000_000n, 30)
    journal.putBack(taken)
    expect(journal.take()).toBeUndefined()
    journal.granted(3, 1_000_001n, 30)
    expect(journal.take()).toEqual([[3, '1000001', 30]])
  })

  it('[REP7] tells by its mark whether the same leases live, whatever came between', () => {
    const leases = [
      { ID: 5n, TTL: 60 },
      { ID: -6n, TTL: 9_000_000_000 },
    ]
    const { mark } = new LeaseJournal(leases)
    expect(new LeaseJournal(leases.toReversed()).mark).toBe(mark)
    const journal = new LeaseJournal([])
    expect(journal.mark).not.toBe(mark)
    journal.granted(1, 5n, 60)
    journal.granted(1, 7n, 60)
    journal.granted(1, -6n, 9_000_000_000)
    expect(journal.mark).not.toBe(mark)
    journal.revoked(1, 7n, 60)
    expect(journal.mark).toBe(mark)
    journal.revoked(1, 5n, 60)
    journal.granted(1, 5n, 61)
    expect(journal.mark).not.toBe(mark)
  })
})

describe('time marks', () => {
  it('[REP17] are at most one a second, of revisions that are new', () => {
    const marks = new TimeMarks()
    marks.saw(5, 1000)
    marks.saw(6, 1999)
    marks.saw(6, 2000)
    marks.saw(6, 9000)
    marks.saw(7, 9000)
    expect(marks.between(1, 10)).toEqual([
      [1000, 5],
      [2000, 6],
      [9000, 7],
    ])
    expect(marks.between(6, 6)).toEqual([[2000, 6]])
    marks.sent(6)
    expect(marks.between(1, 10)).toEqual([[9000, 7]])
  })

  it('[REP17] are fewer the longer nothing can be sent', () => {
    const marks = new TimeMarks()
    for (let second = 1; second <= 10_000; second++) {
      marks.saw(second, second * 1000)
    }
    const all = marks.between(0, 10_000)
    expect(all.length).toBeLessThanOrEqual(TIME_MARKS_MAX)
    expect(all.length).toBeGreaterThan(TIME_MARKS_MAX / 4)
    expect(all.every(([time, revision]) => time === revision * 1000)).toBe(true)
  })
})
