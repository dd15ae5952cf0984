import { expect, it } from 'vitest'
import { freeBytes } from '../../src/mvcc/free-bytes.ts'
import { bytesOf } from '../../src/mvcc/sql.ts'

it('[REP21] gives back bytes that are all of their buffer, and neither a part nor the empty bytes of all', () => {
  const whole = Uint8Array.of(1, 2, 3)
  const part = Uint8Array.of(1, 2, 3).subarray(1)
  const empty = bytesOf(null)
  for (const bytes of [whole, whole, part, empty]) {
    freeBytes(bytes)
  }
  expect(whole.length).toBe(0)
  expect(part).toEqual(Uint8Array.of(2, 3))
  // A view of a detached buffer cannot be made.
  expect(() => new Uint8Array(empty.buffer)).not.toThrow()
})
