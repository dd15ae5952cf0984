import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesOfText, textOfBytes } from '../../src/protocol/byte-text.ts'
import { goJsonText } from '../../src/protocol/go-json-text.ts'
import { expiryAfter } from '../../src/v2/expiry.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'

const NOW = 1_700_000_000_120
const file = (value: string, expires?: number): V2Content => ({
  dir: false,
  value,
  expires,
  refresh: false,
})

it('[V2K3] bytes that are no UTF-8 come back as they went in', () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(
      0xc3,
      0xa9,
      0xe2,
      0x82,
      0xac,
      0xf0,
      0x9f,
      0x98,
      0x80,
      0xed,
      0xa0,
      0xef,
      0xbb,
      0xbf,
    ),
  )
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
      const bytes = Uint8Array.from(list)
      expect(bytesOfText(textOfBytes(bytes))).toEqual(bytes)
    }),
    { numRuns: runs(4000) },
  )
})

it('[V2K3] two values of stray bytes are not the same', () => {
  const store = new V2Store(openNodeSql())
  const [some, others] = [textOfBytes(Uint8Array.of(0xff)), textOfBytes(Uint8Array.of(0xfe))]
  store.set(`/1/${some}`, file(others), NOW)
  expect(() => store.get(`/1/${others}`, false, NOW)).toThrow('100')
  expect(() => store.compareAndDelete(`/1/${some}`, { value: some, index: 0n }, NOW)).toThrow('101')
  store.compareAndDelete(`/1/${some}`, { value: others, index: 0n }, NOW)
})

// As encoding/json of Go 1.19 has written them.
it.each([
  ['a"\\/', '"a\\"\\\\/"'],
  ['<&>', '"\\u003c\\u0026\\u003e"'],
  ['\b\f\n\r\t\u0001\u007f', '"\\u0008\\u000c\\n\\r\\t\\u0001\u007f"'],
  ['\u2028\u2029é😀', '"\\u2028\\u2029é😀"'],
  ['\\udc80 \\b', '"\\\\udc80 \\\\b"'],
  [textOfBytes(Uint8Array.of(0x61, 0xff, 0xe2, 0x82)), '"a\\ufffd\\ufffd\\ufffd"'],
])('[V2K9] %j is written as Go writes it', (text, json) => {
  expect(goJsonText(text)).toBe(json)
})

it('[V2K5][V2K8][V2K9] events are what etcd writes', () => {
  const store = new V2Store(openNodeSql())
  const lines = [
    store.get('/1', true, NOW),
    store.create('/1/q', file('v'), true, NOW),
    store.set('/1/q/_hidden', file(''), NOW),
    store.set('/1/q/b', file('<', NOW + 1500), NOW),
    store.get('/1/q', false, NOW),
    store.get('/1/q/_hidden', false, NOW),
    store.delete('/1/q', false, true, NOW),
  ].map(({ json }) => json)
  expect(lines).toEqual([
    '{"action":"get","node":{"dir":true}}\n',
    '{"action":"create","node":{"key":"/q/00000000000000000004","value":"v","modifiedIndex":4,"createdIndex":4}}\n',
    '{"action":"set","node":{"key":"/q/_hidden","value":"","modifiedIndex":5,"createdIndex":5}}\n',
    '{"action":"set","node":{"key":"/q/b","value":"\\u003c","expiration":"2023-11-14T22:13:21.62Z","ttl":2,"modifiedIndex":6,"createdIndex":6}}\n',
    '{"action":"get","node":{"key":"/q","dir":true,"nodes":[{"key":"/q/00000000000000000004","value":"v","modifiedIndex":4,"createdIndex":4},{"key":"/q/b","value":"\\u003c","expiration":"2023-11-14T22:13:21.62Z","ttl":2,"modifiedIndex":6,"createdIndex":6}],"modifiedIndex":4,"createdIndex":4}}\n',
    '{"action":"get","node":{"key":"/q/_hidden","value":"","modifiedIndex":5,"createdIndex":5}}\n',
    '{"action":"delete","node":{"key":"/q","dir":true,"modifiedIndex":7,"createdIndex":4},"prevNode":{"key":"/q","dir":true,"modifiedIndex":4,"createdIndex":4}}\n',
  ])
})

it('[V2K2] a new store has counted to 3', () => {
  expect(new V2Store(openNodeSql()).index).toBe(3)
})

it('[V2K6] what expires goes as a whole, the earliest first', () => {
  const sql = openNodeSql()
  const store = new V2Store(sql)
  store.set('/1/d', { ...file('', NOW + 2000), dir: true }, NOW)
  store.set('/1/d/a', file('v', NOW + 3000), NOW)
  store.set('/1/b', file('v', NOW + 1000), NOW)
  const again = new V2Store(sql)
  expect(again.nextExpiry).toBe(NOW + 1000)
  expect(again.expire(NOW + 2500, 1)).toBe(true)
  expect(again.expire(NOW + 2500, 10)).toBe(false)
  expect(again.nextExpiry).toBeUndefined()
  expect(again.get('/1', true, NOW).node.nodes).toEqual([])
  expect(again.index).toBe(8)
  expect(again.firstEvent({ path: '/1/d', isRecursive: false }, 8n)).toBe(
    '{"action":"expire","node":{"key":"/d","dir":true,"modifiedIndex":8,"createdIndex":4},"prevNode":{"key":"/d","dir":true,"expiration":"2023-11-14T22:13:22.12Z","modifiedIndex":4,"createdIndex":4}}\n',
  )
})

// Asked of etcd 3.4.23: what is left of them then.
it.each([
  [0n, 0],
  [5n, 5000],
  [18_446_744_073_709_551_615n, -1000],
  [18_446_744_073_709_551_616n - 3n, -3000],
])('[V2K7] %d seconds are %d ms from now', (ttl, ms) => {
  expect(expiryAfter(ttl, NOW)).toBe(NOW + ms)
})
