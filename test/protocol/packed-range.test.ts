import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PackedPage } from '../../src/mvcc/packed-page.ts'
import type { RangePage } from '../../src/mvcc/range-page.ts'
import { encode } from '../../src/protocol/binary.ts'
import { RangeResponse, ResponseHeader } from '../../src/protocol/generated/messages.ts'
import { encodePackedRange } from '../../src/protocol/packed-range.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { openStore, rangeOf } from '../mvcc/requests.ts'
import { unpacked } from '../mvcc/unpacked.ts'
import { runs } from '../runs.ts'

const LEASES = [1n, -1n, 2n ** 62n]
/** Below and above what is written as one byte, as two, in the row, and packed with others. */
const lengths = fc.constantFrom(0, 1, 31, 33, 127, 128, 768, 769, 6144, 6145, 17_000)
const puts = fc.array(
  fc.record({
    key: fc.tuple(fc.nat(20), fc.constantFrom(1, 32, 33, 127, 128, 1024, 1025)),
    valueBytes: lengths,
    lease: fc.constantFrom(0n, ...LEASES),
    times: fc.constantFrom(1, 2, 130),
  }),
  { maxLength: 25 },
)

it('[PRO15] a page that is packed has the bytes that its versions have one by one', () => {
  fc.assert(
    fc.property(puts, fc.nat(30), fc.nat(60_000), (all, limit, bytesMax) => {
      const store = openStore(openNodeSql(), LEASES)
      for (const { key, valueBytes, lease, times } of all) {
        for (let i = 0; i < times; i++) {
          const value = new Uint8Array(valueBytes).fill(i)
          const request = { key: new Uint8Array(key[1]).fill(key[0] + 1), value, lease }
          store.put({ ...request, prevKv: false, ignoreValue: false, ignoreLease: false })
        }
      }
      const header = { ...ResponseHeader.empty(), clusterId: 7n, revision: store.revision }
      const request = rangeOf('\0', '\xff', { limit })
      const packed = packedOf(store.rangePacked(request, bytesMax, 20))
      const { next: _, ...page } = unpacked(packed)
      const expected = encode(RangeResponse, { header, ...page })
      expect(Buffer.from(encodePackedRange(0, header, packed)).equals(expected)).toBe(true)
      const behind = encodePackedRange(10, header, packed)
      expect(Buffer.from(behind).equals(expected)).toBe(true)
      expect([behind.byteOffset, behind.buffer.byteLength]).toEqual([10, 10 + behind.length])
    }),
    { numRuns: runs(50) },
  )
})

function packedOf(page: RangePage | PackedPage): PackedPage {
  if (!('rows' in page)) {
    throw new Error('a plain range is packed')
  }
  return page
}
