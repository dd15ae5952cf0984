import { expect, it } from 'vitest'
import { R2Store } from '../../src/object-store/r2-store.ts'
import { describeObjectStore, newPrefix } from '../object-store/contract.ts'
import { testBucket } from './test-bucket.ts'

describeObjectStore('R2', () => Promise.resolve(new R2Store(testBucket())))

it('[OBJ19] what others keep in the bucket is passed over, whole pages of it too', async () => {
  const prefix = newPrefix()
  for (const name of ['.hidden', 'A', 'B', 'a b', 'mine', 'z z', 'ä']) {
    await testBucket().put(`${prefix}/${name}`, name)
  }
  const store = new R2Store(testBucket())
  const mine = { key: `${prefix}/mine`, size: 4 }
  expect(await store.list(`${prefix}/`, { limit: 2 })).toEqual({ objects: [mine], more: true })
  const behind = await store.list(`${prefix}/`, { limit: 2, after: mine.key })
  expect(behind).toEqual({ objects: [], more: false })
})
