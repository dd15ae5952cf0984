// The contract's Worker on the host, in a process of its own: `node host-process.ts DIRECTORY`.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Host, type WorkerModule } from '../../src/host/host.ts'
import { HostHttpServer } from '../../src/host/http-server.ts'
import { namespaces } from './namespaces.ts'

const [directory = ''] = process.argv.slice(2)
const entry = new URL('worker/contract-worker.ts', import.meta.url).href
const host = await Host.open({
  worker: () => import(entry) as Promise<WorkerModule>,
  storage: directory,
  namespaces,
  diskFull: () => undefined,
  bindings: {},
})
const http = new HostHttpServer(host)
const server = createServer((socket) => http.accept(socket, false))
// As in workerd, what nobody has caught is for the log.
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled rejection: ${String(error)}\n`)
})
process.on('SIGTERM', () => {
  server.close()
  void http.close().then(() => {
    host.stop()
    return undefined
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
