import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { DiskSpace } from '../../src/cli/disk-space.ts'
import { HostAnswers, HostServer } from '../../src/cli/host-answers.ts'
import { Log } from '../../src/cli/log.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { startVersityGw, versityGwMissing } from '../oracle/versitygw.ts'
import { describeObjectStore } from './contract.ts'
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

describeObjectStore('a bucket of versitygw, from workerd,', async () => {
  const server = await startVersityGw()
  if (server === undefined) {
    return versityGwMissing
  }
  ends.push(() => server.stop())
  const { bucket, prefix, endpoint, accessKeyId, secretAccessKey } = server.settings
  const worker = await startWorkerdStore({
    variables: {
      ETCDURABLE_SNAPSHOT_STORE: `s3://${bucket}/${prefix}`,
      ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  })
  ends.push(() => worker.stop())
  return worker.store
})
