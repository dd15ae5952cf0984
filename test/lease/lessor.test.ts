import { describe, expect, it } from 'vitest'
import { EXPIRED_LEASES_MAX, Lessor } from '../../src/lease/lessor.ts'
import { Keyspace } from './keyspace.ts'

const NOW = 1_800_000_000_000
const TTL_MAX = 9_000_000_000

describe('grant', () => {
  it('[LSE1] answers the id and the TTL that were asked for', () => {
    const { lessor } = new Keyspace()
    expect(lessor.grant({ ID: 101n, TTL: 60 }, NOW)).toEqual({ ID: 101n, TTL: 60 })
    expect(lessor.has(101n)).toBe(true)
    expect(lessor.has(102n)).toBe(false)
  })

  it('[LSE2] raises a TTL below 2 s to 2 s', () => {
    const { lessor } = new Keyspace()
    for (const TTL of [0, 1, -1, -(2 ** 63), 2]) {
      expect(lessor.grant({ ID: 0n, TTL }, NOW).TTL).toBe(2)
    }
    expect(lessor.grant({ ID: 0n, TTL: 3 }, NOW).TTL).toBe(3)
  })

  it('[LSE3] refuses a TTL above 9,000,000,000 s, even for an id that exists', () => {
    const { lessor } = new Keyspace()
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    for (const TTL of [TTL_MAX + 1, 2 ** 63]) {
      expect(() => lessor.grant({ ID: 5n, TTL }, NOW)).toThrow('lease-ttl-too-large')
      expect(() => lessor.grant({ ID: 0n, TTL }, NOW)).toThrow('lease-ttl-too-large')
    }
    expect(lessor.leases()).toEqual([5n])
  })

  it('[LSE4] refuses an id that exists, also one that has expired or was loaded', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    expect(() => keyspace.lessor.grant({ ID: 5n, TTL: 10 }, NOW)).toThrow('lease-exists')
    expect(() => keyspace.lessor.grant({ ID: 5n, TTL: 10 }, NOW + 90_000)).toThrow('lease-exists')
    keyspace.evict()
    expect(() => keyspace.lessor.grant({ ID: 5n, TTL: 10 }, NOW)).toThrow('lease-exists')
    expect(keyspace.lessor.timeToLive(5n, NOW).grantedTTL).toBe(60)
  })

  it('[LSE5] picks a positive id that is free when asked for id 0', () => {
    const ids = [7n, 7n, 8n, 9n]
    const { lessor } = new Keyspace(() => ids.shift() ?? 0n)
    expect(lessor.grant({ ID: 0n, TTL: 60 }, NOW).ID).toBe(7n)
    expect(lessor.grant({ ID: 0n, TTL: 60 }, NOW).ID).toBe(8n)
    lessor.grant({ ID: 10n, TTL: 60 }, NOW)
    expect(lessor.grant({ ID: 0n, TTL: 60 }, NOW).ID).toBe(9n)
  })

  it('[LSE5] takes no id from a source that is not of positive int64s', () => {
    for (const id of [0n, -1n, 2n ** 63n]) {
      const { lessor } = new Keyspace(() => id)
      expect(() => lessor.grant({ ID: 0n, TTL: 60 }, NOW)).toThrow('is not a positive int64')
      expect(lessor.leases()).toEqual([])
    }
  })

  it('[LSE6] keeps every int64 apart, negative ones too, through an eviction', () => {
    const keyspace = new Keyspace()
    const ids = [-(2n ** 63n), -5n, 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]
    for (const [index, ID] of ids.entries()) {
      keyspace.lessor.grant({ ID, TTL: 60 + index }, NOW)
    }
    expect(keyspace.lessor.leases()).toEqual(ids)
    keyspace.evict()
    expect(keyspace.lessor.leases()).toEqual(ids)
    expect(ids.filter((id) => !keyspace.lessor.has(id))).toEqual([])
  })

  it('[LSE7] makes no revision, and neither does the revocation of a lease without keys', () => {
    const { store, lessor } = new Keyspace()
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    expect(store.revision).toBe(1)
    lessor.revoke(5n)
    expect(store.revision).toBe(1)
  })
})

describe('revoke', () => {
  it('[LSE8] refuses a lease that is not there, 0 included', () => {
    const { lessor } = new Keyspace()
    expect(() => lessor.revoke(4242n)).toThrow('lease-not-found')
    expect(() => lessor.revoke(0n)).toThrow('lease-not-found')
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    lessor.revoke(5n)
    expect(() => lessor.revoke(5n)).toThrow('lease-not-found')
  })

  it('[LSE9] deletes the attached keys in one revision, in byte order, and no other key', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    keyspace.lessor.grant({ ID: 6n, TTL: 60 }, NOW)
    for (const key of ['b', 'aa', 'é', 'a', 'c', 'z']) {
      keyspace.put(key, 5n)
    }
    keyspace.put('z', 6n)
    keyspace.put('c', 0n)
    keyspace.put('y', 0n)
    const { revision } = keyspace.store
    keyspace.lessor.revoke(5n)
    expect(keyspace.store.revision).toBe(revision + 1)
    expect(keyspace.takeDeletions()).toEqual([['a', 'aa', 'b', 'é']])
    expect(keyspace.lessor.has(5n)).toBe(false)
    expect(keyspace.keysOf(6n)).toEqual(['z'])
  })

  it('[LSE9] keeps lease and keys, in memory and in storage, when the deletion fails', () => {
    const { sql, store, put, keysOf } = withLeasedKey()
    const failing = new Lessor(
      sql,
      {
        deleteLeased: () => {
          throw new Error('out of disk')
        },
      },
      () => 1n,
    )
    expect(() => failing.revoke(5n)).toThrow('out of disk')
    expect(failing.has(5n)).toBe(true)
    expect(failing.expired(NOW + 60_000, 10)).toEqual([5n])
    expect(new Lessor(sql, store, () => 1n).has(5n)).toBe(true)
    put('other')
    expect(keysOf()).toEqual(['key', 'other'])
  })

  it('[LSE10] lets an id be granted again, without the keys that it had', () => {
    const { lessor, keysOf } = withLeasedKey()
    lessor.revoke(5n)
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    expect(keysOf()).toEqual([])
  })

  it('[LSE11] is undone, as grants and renewals are, by a rollback of a larger transaction', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    keyspace.lessor.grant({ ID: 6n, TTL: 60 }, NOW)
    keyspace.put('key', 5n)
    expect(() =>
      keyspace.sql.transaction(() => {
        keyspace.lessor.grant({ ID: 7n, TTL: 60 }, NOW)
        keyspace.lessor.keepAlive(6n, NOW + 50_000)
        keyspace.lessor.revoke(5n)
        throw new Error('rolled back')
      }),
    ).toThrow('rolled back')
    keyspace.evict()
    expect(keyspace.lessor.leases()).toEqual([5n, 6n])
    expect(keyspace.lessor.expired(NOW + 60_000, 10)).toEqual([5n, 6n])
    expect(keyspace.keysOf(5n)).toEqual(['key'])
  })
})

describe('keepAlive', () => {
  it('[LSE12] answers the granted TTL, and 0 for a lease that is not there', () => {
    const { lessor } = new Keyspace()
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    expect(lessor.keepAlive(5n, NOW + 59_999)).toBe(60)
    expect(lessor.keepAlive(99n, NOW)).toBe(0)
    expect(lessor.keepAlive(0n, NOW)).toBe(0)
  })

  it('[LSE13] gives the lease a whole TTL from now', () => {
    const { lessor } = new Keyspace()
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    lessor.keepAlive(5n, NOW + 40_000)
    expect(lessor.timeToLive(5n, NOW + 40_000).TTL).toBe(60)
    expect(lessor.expired(NOW + 99_999, 10)).toEqual([])
    expect(lessor.expired(NOW + 100_000, 10)).toEqual([5n])
  })

  it('[LSE14] revokes an expired lease before it answers 0', () => {
    const { lessor, keysOf } = withLeasedKey()
    expect(lessor.keepAlive(5n, NOW + 60_000)).toBe(0)
    expect(lessor.has(5n)).toBe(false)
    expect(keysOf()).toEqual([])
  })

  it('[LSE15] writes one row to begin with and then none for more than half a TTL', () => {
    const keyspace = new Keyspace()
    const writes = (seconds: number): number =>
      keyspace.rowsWritten(() => keyspace.lessor.keepAlive(5n, NOW + seconds * 1000))
    expect(keyspace.rowsWritten(() => keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW))).toBe(1)
    expect([0, 20, 21, 40, 50, 51, 60, 80, 81, 82].map(writes)).toEqual([
      0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
    ])
    expect(keyspace.rowsWritten(() => keyspace.lessor.revoke(5n))).toBe(1)
  })

  it('[LSE15] has no index beside the table, which would be one more row each time', () => {
    const { sql } = new Keyspace()
    expect(sql.all("SELECT name FROM pragma_index_list('lease') WHERE origin <> 'pk'")).toEqual([])
  })
})

describe('timeToLive', () => {
  it('[LSE16] answers −1 and nothing else for a lease that is not there', () => {
    const { lessor } = new Keyspace()
    const missing = { TTL: -1, grantedTTL: 0 }
    expect(lessor.timeToLive(4242n, NOW)).toEqual(missing)
    expect(lessor.timeToLive(0n, NOW)).toEqual(missing)
  })

  it('[LSE17] truncates what remains towards 0, past the deadline too', () => {
    const { lessor } = new Keyspace()
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    const TTL = (ms: number): number => lessor.timeToLive(5n, NOW + ms).TTL
    expect([0, 1, 1000, 1001, 59_001, 60_000].map(TTL)).toEqual([60, 59, 59, 58, 0, 0])
    expect([60_999, 61_000, 62_500].map(TTL)).toEqual([0, -1, -2])
    expect(Object.is(TTL(60_500), 0)).toBe(true)
  })

  it('[LSE18] the keys are listed in byte order, however many are read at a time', () => {
    const { store, put } = withLeasedKey()
    put('a')
    put('é')
    for (const max of [1, 2, 3, 4]) {
      const keys: Uint8Array[] = []
      let page: readonly Uint8Array[]
      do {
        page = store.leasedKeysAfter(5n, keys.at(-1) ?? new Uint8Array(0), max)
        keys.push(...page)
      } while (page.length === max)
      expect(keys.map((key) => new TextDecoder().decode(key))).toEqual(['a', 'key', 'é'])
    }
  })

  it('[LSE19] never shows more than the granted TTL, also after an eviction', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    keyspace.lessor.keepAlive(5n, NOW + 1000)
    keyspace.evict()
    const at = (ms: number): number => keyspace.lessor.timeToLive(5n, NOW + ms).TTL
    expect(at(1000)).toBe(60)
    expect(at(90_000)).toBe(1)
  })
})

describe('an eviction', () => {
  it('[LSE28] changes nothing for a lease that was granted and never kept alive', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    keyspace.evict()
    expect(keyspace.lessor.nextDeadline()).toBe(NOW + 60_000)
    expect(keyspace.lessor.expired(NOW + 59_999, 10)).toEqual([])
    expect(keyspace.lessor.expired(NOW + 60_000, 10)).toEqual([5n])
  })

  it('[LSE28] lets a lease live half a TTL longer at most', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    keyspace.lessor.keepAlive(5n, NOW + 20_000)
    keyspace.lessor.keepAlive(5n, NOW + 40_000)
    expect(keyspace.lessor.nextDeadline()).toBe(NOW + 100_000)
    keyspace.evict()
    expect(keyspace.lessor.nextDeadline()).toBe(NOW + 110_000)
  })
})

describe('leases', () => {
  it('[LSE20] lists by what remains, the next to expire first, expired ones included', () => {
    const { lessor } = new Keyspace()
    for (const [ID, TTL] of [
      [1n, 50],
      [2n, 10],
      [3n, 90],
      [4n, 30],
    ] as const) {
      lessor.grant({ ID, TTL }, NOW)
    }
    expect(lessor.leases()).toEqual([2n, 4n, 1n, 3n])
    lessor.keepAlive(4n, NOW + 29_000)
    expect(lessor.leases()).toEqual([2n, 1n, 4n, 3n])
    lessor.revoke(1n)
    expect(lessor.leases()).toEqual([2n, 4n, 3n])
  })

  it('[LSE20] lists those of one deadline in the order granted', () => {
    const { lessor } = new Keyspace()
    const ids = [9n, 3n, 7n, 1n, 8n]
    for (const ID of ids) {
      lessor.grant({ ID, TTL: 10 }, NOW)
    }
    expect(lessor.leases()).toEqual(ids)
  })
})

describe('expiry', () => {
  it('[LSE21] names expired leases, earliest first, at most as many as asked for', () => {
    const { lessor } = new Keyspace()
    for (const ID of [3n, 1n, 2n]) {
      lessor.grant({ ID, TTL: 10 * Number(ID) }, NOW)
    }
    expect(lessor.expired(NOW + 9999, 10)).toEqual([])
    expect(lessor.expired(NOW + 10_000, 10)).toEqual([1n])
    expect(lessor.expired(NOW + 60_000, 10)).toEqual([1n, 2n, 3n])
    expect(lessor.expired(NOW + 60_000, 2)).toEqual([1n, 2n])
    expect(lessor.expired(NOW + 60_000, 10)).toEqual([1n, 2n, 3n])
  })

  it('[LSE22] deletes the keys of leases that expire together in a revision for each', () => {
    const keyspace = new Keyspace()
    for (const ID of [5n, 6n]) {
      keyspace.lessor.grant({ ID, TTL: 10 }, NOW)
      keyspace.put(`${ID}/b`, ID)
      keyspace.put(`${ID}/a`, ID)
    }
    const { revision } = keyspace.store
    for (const id of keyspace.lessor.expired(NOW + 10_000, EXPIRED_LEASES_MAX)) {
      keyspace.lessor.revoke(id)
    }
    expect(keyspace.store.revision).toBe(revision + 2)
    expect(keyspace.takeDeletions()).toEqual([
      ['5/a', '5/b'],
      ['6/a', '6/b'],
    ])
  })

  it('[LSE23] lets keys be attached until the lease is revoked', () => {
    const { lessor, put, keysOf } = withLeasedKey()
    expect(lessor.expired(NOW + 60_000, 10)).toEqual([5n])
    put('late')
    expect(keysOf()).toEqual(['key', 'late'])
    lessor.revoke(5n)
    expect(() => put('later')).toThrow('lease-not-found')
  })

  it('[LSE24] tells when the next lease expires, or that there is none', () => {
    const { lessor } = new Keyspace()
    expect(lessor.nextDeadline()).toBe(undefined)
    lessor.grant({ ID: 5n, TTL: 60 }, NOW)
    lessor.grant({ ID: 6n, TTL: 10 }, NOW)
    expect(lessor.nextDeadline()).toBe(NOW + 10_000)
    lessor.grant({ ID: 7n, TTL: 15 }, NOW)
    lessor.keepAlive(6n, NOW + 9000)
    expect(lessor.nextDeadline()).toBe(NOW + 15_000)
    lessor.revoke(7n)
    expect(lessor.nextDeadline()).toBe(NOW + 19_000)
    lessor.revoke(6n)
    expect(lessor.nextDeadline()).toBe(NOW + 60_000)
    lessor.revoke(5n)
    expect(lessor.nextDeadline()).toBe(undefined)
  })

  it('[LSE25] counts the longest TTL exactly, and tells a deadline that an alarm can be set to', () => {
    const keyspace = new Keyspace()
    keyspace.lessor.grant({ ID: 5n, TTL: TTL_MAX }, NOW)
    expect(keyspace.lessor.keepAlive(5n, NOW + 1000)).toBe(TTL_MAX)
    keyspace.evict()
    expect(keyspace.lessor.timeToLive(5n, NOW + 1000).TTL).toBe(TTL_MAX)
    const expiry = NOW + 1000 + TTL_MAX * 1500
    expect(Number.isSafeInteger(expiry)).toBe(true)
    expect(keyspace.lessor.expired(expiry - 1, 10)).toEqual([])
    expect(keyspace.lessor.expired(expiry, 10)).toEqual([5n])
    expect(keyspace.lessor.nextDeadline()).toBe(Date.UTC(2189, 0, 1))
  })
})

function withLeasedKey() {
  const keyspace = new Keyspace()
  keyspace.lessor.grant({ ID: 5n, TTL: 60 }, NOW)
  keyspace.put('key', 5n)
  return {
    sql: keyspace.sql,
    store: keyspace.store,
    lessor: keyspace.lessor,
    put: (key: string) => keyspace.put(key, 5n),
    keysOf: () => keyspace.keysOf(5n),
  }
}
