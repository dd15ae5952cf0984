import { env } from 'cloudflare:workers'

/** R2 as miniflare has it, bound under a name by which no shard finds it (test/vitest.config.ts). */
export function testBucket(): R2Bucket {
  const { TEST_BUCKET: bucket } = env as { readonly TEST_BUCKET?: R2Bucket }
  if (bucket === undefined) {
    throw new Error('no bucket is bound')
  }
  return bucket
}
