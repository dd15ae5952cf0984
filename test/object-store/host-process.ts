// The store's Worker on the host, as the embedded start opens it: `node host-process.ts DIRECTORY VARIABLES`.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DiskSpace } from '../../src/cli/disk-space.ts'
import { HostAnswers } from '../../src/cli/host-answers.ts'
import { Log } from '../../src/cli/log.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import { Host, type WorkerModule } from '../../src/host/host.ts'
import { HostHttpServer } from '../../src/host/http-server.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'

const [directory = '', variables = '{}'] = process.argv.slice(2)
const log = new Log({ 'log-level': 'error', 'log-format': 'json', 'log-outputs': ['stderr'] })
const answers = new HostAnswers({
  pids: () => [process.pid],
  portMetrics: new PortMetrics(),
  disk: new DiskSpace(directory, log),
  snapshots: new DirectoryStore(join(directory, 'objects')),
})
const entry = new URL('worker/store-worker.ts', import.meta.url).href
const host = await Host.open({
  worker: () => import(entry) as Promise<WorkerModule>,
  storage: join(directory, 'shard'),
  namespaces: [],
  diskFull: () => undefined,
  bindings: {
    ...(JSON.parse(variables) as Record<string, string>),
    HOST: { fetch: (url: string, init?: RequestInit) => answers.fetch(new Request(url, init)) },
  },
})
const http = new HostHttpServer(host)
const server = createServer((socket) => http.accept(socket, false))
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
