import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/protocol/status.ts'
import { PasswordQueue } from '../../src/shard/methods/password-queue.ts'

const COST = 4
const WAITING_MAX = 100
const stays = new AbortController().signal

describe('the queue of passwords', () => {
  it('[AUT38] takes so many at once and refuses others, until one is done', async () => {
    const queue = new PasswordQueue(COST)
    const hashed = Array.from({ length: WAITING_MAX }, () => queue.hash('secret', stays))
    await expect(queue.hash('secret', stays)).rejects.toEqual(statusOf('too-many-requests'))
    const hashes = await Promise.all(hashed)
    expect(new Set(hashes.map(String)).size).toBe(WAITING_MAX)
    expect(await queue.matches('secret', hashes[0] ?? new Uint8Array(0), stays)).toBe(true)
  })

  it('[AUT38] does nothing for a caller who has gone', async () => {
    const queue = new PasswordQueue(COST)
    const caller = new AbortController()
    const first = queue.hash('secret', stays)
    const second = queue.hash('secret', caller.signal)
    caller.abort()
    await expect(second).rejects.toEqual(statusOf('canceled'))
    await first
  })

  it('[AUT17] refuses a password that is too long, and goes on', async () => {
    const queue = new PasswordQueue(COST)
    const long = queue.hash('x'.repeat(73), stays)
    await expect(long).rejects.toEqual(statusOf('password-too-long'))
    expect(await queue.hash('x', stays)).toHaveLength(60)
  })
})
