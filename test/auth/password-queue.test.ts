import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/protocol/status.ts'
import { PasswordQueue } from '../../src/shard/methods/password-queue.ts'

const COST = 4
const WAITING_MAX = 100
const stays = new AbortController().signal
const login = { name: 'a', password: 'secret' }

describe('the queue of passwords', () => {
  it('[AUT38] takes so many of one at once and refuses others of it, until one is done', async () => {
    const queue = new PasswordQueue(COST)
    const hashed = Array.from({ length: WAITING_MAX }, () => queue.hash('secret', stays))
    await expect(queue.hash('secret', stays)).rejects.toEqual(statusOf('too-many-requests'))
    // Another's lane is its own.
    expect(await queue.matches(login, new Uint8Array(0), stays)).toBe(false)
    const hashes = await Promise.all(hashed)
    expect(new Set(hashes.map(String)).size).toBe(WAITING_MAX)
    expect(await queue.matches(login, hashes[0] ?? new Uint8Array(0), stays)).toBe(true)
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

  it('[AUT45] a hash that takes long holds up those of its own user alone', async () => {
    const hash = await new PasswordQueue(COST).hash('secret', stays)
    const costly = new TextEncoder().encode(
      new TextDecoder().decode(hash).replace('$2a$04$', '$2a$17$'),
    )
    const queue = new PasswordQueue(COST)
    const done: string[] = []
    const leaves = new AbortController()
    const slow = queue.matches({ name: 'slow', password: 'secret' }, costly, leaves.signal)
    const behind = queue.matches({ name: 'slow', password: 'secret' }, hash, stays)
    const ended = slow.catch((error: unknown) => {
      done.push('slow has gone')
      return error
    })
    for (const name of ['a', 'b']) {
      expect(await queue.matches({ name, password: 'secret' }, hash, stays)).toBe(true)
      done.push(name)
    }
    // 131,072 rounds would take eight seconds.
    leaves.abort()
    expect(await ended).toEqual(statusOf('canceled'))
    expect(await behind).toBe(true)
    expect(done).toEqual(['a', 'b', 'slow has gone'])
  })

  it('[AUT45] lanes take turns, slice by slice', async () => {
    // 256 rounds are eight slices.
    const cost = 8
    const hash = await new PasswordQueue(cost).hash('secret', stays)
    const queue = new PasswordQueue(cost)
    const done: string[] = []
    const compared = async (name: string): Promise<void> => {
      await queue.matches({ name, password: 'secret' }, hash, stays)
      done.push(name)
    }
    await Promise.all([compared('a'), compared('a'), compared('a'), compared('b'), compared('c')])
    expect(done.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c'])
    expect(done.slice(3)).toEqual(['a', 'a'])
  })

  it('[AUT17] refuses a password that is too long, and goes on', async () => {
    const queue = new PasswordQueue(COST)
    const long = queue.hash('x'.repeat(73), stays)
    await expect(long).rejects.toEqual(statusOf('password-too-long'))
    expect(await queue.hash('x', stays)).toHaveLength(60)
  })
})
