import type { PackedPage } from '../../src/mvcc/packed-page.ts'
import { rowAt } from '../../src/mvcc/packed-rows.ts'
import type { RangePage } from '../../src/mvcc/range-page.ts'
import type { KeyValue } from '../../src/mvcc/types.ts'

/** The same page with an object for each version. */
export function unpacked(page: RangePage | PackedPage): RangePage {
  if (!('rows' in page)) {
    return page
  }
  const { rows, ...rest } = page
  const kvs: KeyValue[] = []
  for (const part of rows) {
    if (!('piece' in part)) {
      kvs.push(part)
      continue
    }
    let { keyAt, valueAt } = part
    for (let i = part.from; i < part.to; i++) {
      const { key, value, main, createRevision, version, lease } = rowAt(
        part.piece,
        i,
        keyAt,
        valueAt,
      )
      if (key === undefined || value === undefined) {
        throw new Error('a row that is packed has its bytes')
      }
      keyAt += key.length
      valueAt += value.length
      kvs.push({ key, createRevision, modRevision: main, version, value, lease })
    }
  }
  return { kvs, ...rest }
}
