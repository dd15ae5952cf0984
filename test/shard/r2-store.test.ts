import { env } from 'cloudflare:workers'
import { R2Store } from '../../src/object-store/r2-store.ts'
import { describeObjectStore } from '../object-store/contract.ts'

describeObjectStore('R2', async () => {
  if (env.SNAPSHOTS === undefined) {
    throw new Error('wrangler.toml binds no bucket')
  }
  return new R2Store(env.SNAPSHOTS)
})
