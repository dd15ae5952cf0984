import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Lease, LeaseQueue } from '../../src/lease/lease-queue.ts'
import { runs } from '../runs.ts'

const change = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'move', 'move', 'remove'),
  index: fc.nat(60),
  deadline: fc.nat(40),
  now: fc.nat(45),
  max: fc.nat(70),
})

describe('LeaseQueue', () => {
  it('[LSE26] is a list sorted by deadline, whatever is added, moved and removed', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const queue = new LeaseQueue()
        const model: Lease[] = []
        for (const { kind, index, deadline, now, max } of changes) {
          const lease = model[index % model.length]
          if (kind === 'add') {
            model.push({ id: '1', ttl: 2, deadline, expiry: deadline, position: 0 })
            queue.add(model.at(-1) as Lease)
          } else if (kind === 'move' && lease !== undefined) {
            lease.deadline = deadline
            queue.move(lease)
          } else if (lease !== undefined) {
            queue.remove(lease)
            model.splice(model.indexOf(lease), 1)
          }
          const due = queue.due(now, max)
          expect(due.map(deadlineOf)).toEqual(sortedDeadlines(model, now).slice(0, max))
          expect(new Set(due).size).toBe(due.length)
          expect(queue.first?.deadline).toBe(sortedDeadlines(model, 45)[0])
        }
      }),
      { numRuns: runs(500) },
    )
  })

  it('[LSE26] refuses to move or remove a lease that it does not hold', () => {
    const queue = new LeaseQueue()
    const lease = { id: '1', ttl: 2, deadline: 1, expiry: 1, position: 0 }
    expect(() => queue.move(lease)).toThrow('a lease is not where it says')
    queue.add({ ...lease, id: '2' })
    expect(() => queue.remove(lease)).toThrow('a lease is not where it says')
  })
})

function sortedDeadlines(leases: readonly Lease[], now: number): readonly number[] {
  const deadlines = leases.map(deadlineOf)
  return deadlines.filter((deadline) => deadline <= now).toSorted((a, b) => a - b)
}

function deadlineOf(lease: Lease): number {
  return lease.deadline
}
