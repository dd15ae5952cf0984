import { expect, it } from 'vitest'
import { BufferGarbage } from '../../src/link/buffer-garbage.ts'

const MiB = 1024 * 1024

/** The most that buffers take while 100 MiB of them come and go. */
function mostWhile(passed: (bytes: number) => void): number {
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  for (let i = 0; i < 200; i++) {
    passed(Buffer.allocUnsafeSlow(MiB / 2).length)
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  return most
}

it('[LNK22] long messages that have been passed on do not gather in memory', () => {
  const garbage = new BufferGarbage()
  expect(mostWhile((bytes) => garbage.add(bytes))).toBeLessThan(12 * MiB)
})
