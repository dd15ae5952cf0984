import { describe, expect, it } from 'vitest'
import { V2Error } from '../../src/v2/error.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import type { V2Watcher } from '../../src/v2/watch-hub.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

const NOW = 1_700_000_000_000
const file = (value: string): V2Content => ({
  dir: false,
  value,
  expires: undefined,
  refresh: false,
})

function opened(): V2Store {
  return new V2Store(openNodeSql())
}

/** Waits, and keeps the keys of what it is told. */
class Listener implements V2Watcher {
  readonly path: string
  readonly isRecursive: boolean
  readonly isStream: boolean
  readonly since: bigint
  readonly told: string[] = []

  constructor(store: V2Store, path: string, how = '', since = store.index + 1) {
    this.path = `/1${path}`
    this.isRecursive = how.includes('recursive')
    this.isStream = how.includes('stream')
    this.since = BigInt(since)
    store.hub.add(this)
  }

  tell(event: string): void {
    const { action, node } = JSON.parse(event) as { action: string; node: { key: string } }
    this.told.push(`${action} ${node.key}`)
  }
}

describe('who waits for the next change', () => {
  it('[V2K12] is woken by its path, or by what is below it', () => {
    const store = opened()
    const exact = new Listener(store, '/a')
    const above = new Listener(store, '')
    const recursive = new Listener(store, '/a', 'recursive')
    const beside = new Listener(store, '/ab', 'recursive')
    const all = new Listener(store, '', 'recursive stream')
    store.set('/1/a/b', file('v'), NOW)
    store.set('/1/c', file('v'), NOW)
    expect(exact.told).toEqual([])
    expect(above.told).toEqual([])
    expect(recursive.told).toEqual(['set /a/b'])
    expect(beside.told).toEqual([])
    expect(all.told).toEqual(['set /a/b', 'set /c'])
    expect(store.hub.count).toBe(4)
  })

  it('[V2K12] is told once, unless it is a stream, and not before its index', () => {
    const store = opened()
    const once = new Listener(store, '/a')
    const later = new Listener(store, '/a', '', 5)
    store.set('/1/a', file('1'), NOW)
    store.set('/1/a', file('2'), NOW)
    store.set('/1/a', file('3'), NOW)
    expect(once.told).toHaveLength(1)
    expect(later.told).toHaveLength(1)
    expect(store.hub.count).toBe(0)
  })

  it('[V2K12] hears nothing of a refresh, which counts all the same', () => {
    const store = opened()
    store.set('/1/a', file('v'), NOW)
    const listener = new Listener(store, '/a', 'stream')
    const { node } = store.set('/1/a', { ...file(''), refresh: true, expires: NOW + 5000 }, NOW)
    expect(node).toMatchObject({ value: 'v', ttl: 5, modified: 5 })
    expect(listener.told).toEqual([])
    expect(store.firstEvent({ path: '/1/a', isRecursive: false }, 5n)).toBeUndefined()
  })

  it('[V2K13] is woken by the removal of what it is in, where something was', () => {
    const store = opened()
    store.set('/1/a/b/c', file('v'), NOW)
    const inside = new Listener(store, '/a/b/c')
    const nothing = new Listener(store, '/a/b/x')
    const parent = new Listener(store, '/a')
    store.delete('/1/a', false, true, NOW)
    expect(inside.told).toEqual(['delete /a'])
    expect(nothing.told).toEqual([])
    expect(parent.told).toEqual(['delete /a'])
  })

  it('[V2K14] hears of a hidden key only at the key itself or below what is hidden', () => {
    const store = opened()
    const above = new Listener(store, '', 'recursive stream')
    const inside = new Listener(store, '/_h', 'recursive stream')
    const itself = new Listener(store, '/_h/a', 'stream')
    store.set('/1/_h/a', file('v'), NOW)
    store.set('/1/b/_x', file('v'), NOW)
    expect(above.told).toEqual([])
    expect(inside.told).toEqual(['set /_h/a'])
    expect(itself.told).toEqual(['set /_h/a'])
  })

  it('[V2K15] is told of the removal of its own path twice where it is a stream', () => {
    const store = opened()
    store.set('/1/a', file('v'), NOW)
    const listener = new Listener(store, '/a', 'stream')
    store.delete('/1/a', false, false, NOW)
    expect(listener.told).toEqual(['delete /a', 'delete /a'])
  })
})

describe('the history', () => {
  it('[V2K10][V2K11] has the latest 1,000 changes, also after a restart', () => {
    const sql = openNodeSql()
    const store = new V2Store(sql)
    for (let at = 0; at < 1500; at++) {
      store.set(`/1/k${at % 3}`, file(String(at)), NOW)
    }
    expect(store.index).toBe(1503)
    for (const each of [store, new V2Store(sql)]) {
      expect(refusalOf(() => each.firstEvent({ path: '/1/k0', isRecursive: false }, 503n))).toBe(
        '401 the requested history has been cleared [504/503]',
      )
      for (const [since, index] of [
        [504n, 506],
        [507n, 509],
        [998n, 998],
        [1000n, 1001],
        [1501n, 1501],
      ] as const) {
        const event = each.firstEvent({ path: '/1/k1', isRecursive: false }, since) ?? ''
        const { node } = JSON.parse(event) as { node: { modifiedIndex: number } }
        expect(node.modifiedIndex).toBe(index + ((3 - ((index - 5) % 3)) % 3))
      }
      expect(each.firstEvent({ path: '/1', isRecursive: true }, 1504n)).toBeUndefined()
      expect(each.firstEvent({ path: '/1/none', isRecursive: true }, 504n)).toBeUndefined()
    }
  })

  it('[V2K10] has what is below a path, hidden keys too, and the removal of what is above it', () => {
    const store = opened()
    store.set('/1/a/_h', file('v'), NOW)
    store.set('/1/ab', file('v'), NOW)
    store.delete('/1/a', true, true, NOW)
    expect(store.firstEvent({ path: '/1/a', isRecursive: true }, 4n)).toContain('"/a/_h"')
    expect(store.firstEvent({ path: '/1/a/x/y', isRecursive: false }, 4n)).toContain('"delete"')
    expect(store.firstEvent({ path: '/1/b', isRecursive: true }, 4n)).toBeUndefined()
  })

  it('[V2K11] of a new store begins with its first index', () => {
    const store = opened()
    expect(store.firstEvent({ path: '/1', isRecursive: true }, 1n)).toBeUndefined()
    expect(refusalOf(() => store.firstEvent({ path: '/1', isRecursive: true }, 0n))).toContain(
      '401',
    )
  })

  it('[V2K16] keeps an event that is longer than a row, until another takes its place', () => {
    const sql = openNodeSql()
    const store = new V2Store(sql)
    const long = `é${'"'.repeat(1_500_000)}`
    store.set('/1/a', file('v'), NOW)
    store.set('/1/a', file(long), NOW)
    store.set('/1/a', file(long), NOW)
    const watched = { path: '/1/a', isRecursive: false }
    for (const each of [store, new V2Store(sql)]) {
      const event = JSON.parse(each.firstEvent(watched, 6n) ?? '') as {
        node: { value: string }
        prevNode: { value: string }
      }
      expect(event.node.value === long && event.prevNode.value === long).toBe(true)
    }
    for (let at = 0; at < 1001; at++) {
      store.set('/1/a', file('w'), NOW)
    }
    expect(sql.all('SELECT 1 FROM v2_event_part')).toEqual([])
  })
})

function refusalOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof V2Error) {
      return `${error.code} ${error.cause}`
    }
    throw error
  }
  return 'none'
}
