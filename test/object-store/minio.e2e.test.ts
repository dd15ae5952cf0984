import { afterAll, beforeAll } from 'vitest'
import { S3Store } from '../../src/object-store/s3-store.ts'
import { minioMissing, startMinio } from '../oracle/minio.ts'
import type { S3Server } from '../oracle/s3-server.ts'
import { runs } from '../runs.ts'
import { describeObjectStore } from './contract.ts'

let server: S3Server | undefined

beforeAll(async () => {
  server = await startMinio()
})

afterAll(() => server?.stop())

describeObjectStore(
  'a bucket of MinIO',
  async () => (server === undefined ? minioMissing : new S3Store(server.settings)),
  { large: runs(32), memory: () => process.memoryUsage().rss },
)
