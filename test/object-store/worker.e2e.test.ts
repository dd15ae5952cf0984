import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { DiskSpace } from '../../src/cli/disk-space.ts'
import { HostAnswers, HostServer } from '../../src/cli/host-answers.ts'
import { Log } from '../../src/cli/log.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import type { S3Server } from '../oracle/s3-server.ts'
import { startVersityGw, versityGwMissing } from '../oracle/versitygw.ts'
import { describeObjectStore } from './contract.ts'
import { startHostStore } from './host-process-store.ts'
import { startWorkerdStore } from './workerd-store.ts'

const ends: (() => Promise<void> | void)[] = []

afterAll(async () => {
  for (const end of ends.toReversed()) {
    await end()
  }
})

describeObjectStore('a directory behind HOST, in workerd,', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-objects-'))
  ends.push(() => rm(folder, { recursive: true }))
  const snapshots = new DirectoryStore(join(folder, 'objects'))
  const log = new Log({ 'log-level': 'error', 'log-format': 'json', 'log-outputs': ['stderr'] })
  const server = new HostServer(
    new HostAnswers({
      pids: () => [],
      portMetrics: new PortMetrics(),
      disk: new DiskSpace(folder, log),
      snapshots,
    }),
  )
  const host = join(folder, 'host')
  await server.listen(host)
  ends.push(() => server.close())
  const variables = { ETCDURABLE_SNAPSHOT_STORE: snapshots.name }
  const worker = await startWorkerdStore({ variables, host })
  ends.push(() => worker.stop())
  return worker.store
})

describeObjectStore('a directory behind HOST, on the host,', async () => {
  const worker = await startHostStore()
  ends.push(() => worker.stop())
  return worker.store
})

const bucket: { server?: S3Server | undefined } = {}

beforeAll(async () => {
  bucket.server = await startVersityGw()
})

afterAll(() => bucket.server?.stop())

/** What a Worker is told of it. */
function bucketVariables({ settings }: S3Server, prefix: string): Readonly<Record<string, string>> {
  return {
    ETCDURABLE_SNAPSHOT_STORE: `s3://${settings.bucket}/${prefix}`,
    ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: settings.endpoint,
    AWS_ACCESS_KEY_ID: settings.accessKeyId,
    AWS_SECRET_ACCESS_KEY: settings.secretAccessKey,
  }
}

describeObjectStore('a bucket of versitygw, from workerd,', async () => {
  if (bucket.server === undefined) {
    return versityGwMissing
  }
  const variables = bucketVariables(bucket.server, 'workerd')
  const worker = await startWorkerdStore({ variables })
  ends.push(() => worker.stop())
  return worker.store
})

describeObjectStore('a bucket of versitygw, from the host,', async () => {
  if (bucket.server === undefined) {
    return versityGwMissing
  }
  const worker = await startHostStore(bucketVariables(bucket.server, 'host'))
  ends.push(() => worker.stop())
  return worker.store
})
