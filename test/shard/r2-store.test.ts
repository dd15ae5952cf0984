import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { R2Store } from '../../src/object-store/r2-store.ts'
import { describeObjectStore, newPrefix } from '../object-store/contract.ts'

describeObjectStore('R2', async () => {
  if (env.SNAPSHOTS === undefined) {
    throw new Error('wrangler.toml binds no bucket')
  }
  return new R2Store(env.SNAPSHOTS)
})

it('[OBJ19] what others keep in the bucket is passed over, whole pages of it too', async () => {
  const prefix = newPrefix()
  for (const name of ['.hidden', 'A', 'B', 'a b', 'mine', 'z z', 'ä']) {
    await env.SNAPSHOTS?.put(`${prefix}/${name}`, name)
  }
  const store = new R2Store(env.SNAPSHOTS as R2Bucket)
  const mine = { key: `${prefix}/mine`, size: 4 }
  expect(await store.list(`${prefix}/`, { limit: 2 })).toEqual({ objects: [mine], more: true })
  const behind = await store.list(`${prefix}/`, { limit: 2, after: mine.key })
  expect(behind).toEqual({ objects: [], more: false })
})
