// A shard alone with those who wait in it, without the gateway and its HTTP: `node --expose-gc shard-polls-process.ts POLLS DIRECTORY`.
import { setTimeout as sleep } from 'node:timers/promises'
import { Host, type WorkerModule } from '../../src/host/host.ts'
import type { WorkerWebSocket } from '../../src/host/web-socket.ts'
import { CONTEXT_HEADER } from '../../src/protocol/shard-rpc.ts'
import { V2_WATCH_HEADER, type V2KeysCall, type V2WatchCall } from '../../src/protocol/v2-call.ts'
import { V2_SET } from '../shard/v2-call.ts'
import type { ShardPolls } from './shard-polls.ts'

const [polls = '0', directory = ''] = process.argv.slice(2)
const count = Number(polls)
const context = { administrator: true } as const

interface Shard {
  fetch(url: string, init: RequestInit): Promise<{ readonly webSocket: WorkerWebSocket | null }>
  v2(call: V2KeysCall, caller: typeof context): Promise<object>
}
interface Environment {
  readonly SHARD: { getByName(name: string): Shard }
}

const shard = await openShard()
await shard.v2(setOf('/first'), context)
let woken = 0
collect()
const timersBefore = timers()
const before = process.memoryUsage()
const sockets: WorkerWebSocket[] = []
for (let poll = 0; poll < count; poll++) {
  sockets.push(await wait(`/poll/${poll}`))
}
// What is of no use any more goes, and timers that have been set show.
await sleep(1000)
collect()
const after = process.memoryUsage()
const timersAfter = timers()
await shard.v2(setOf('/elsewhere'), context)
await shard.v2(setOf(`/poll/${Math.floor(count / 2)}`), context)
await sleep(200)
const measured: ShardPolls = {
  bytesEach: (after.heapUsed - before.heapUsed + after.external - before.external) / count,
  timers: timersAfter - timersBefore,
  woken,
}
process.stdout.write(JSON.stringify(measured))
process.exit(sockets.length === count ? 0 : 1)

async function openShard(): Promise<Shard> {
  const { promise, resolve } = Promise.withResolvers<Shard>()
  const host = await Host.open({
    worker: async () => {
      const worker = (await import(
        new URL('../../src/worker.ts', import.meta.url).href
      )) as WorkerModule
      // Nobody but the Worker is given what it is bound to.
      const taken = {
        fetch: (_request: Request, environment: object): never => {
          resolve((environment as Environment).SHARD.getByName('default'))
          throw new Error('this asks nothing of the Worker')
        },
      }
      return { ...worker, default: taken }
    },
    storage: directory,
    namespaces: [
      { binding: 'SHARD', className: 'Shard', uniqueKey: 'bench-shard' },
      { binding: 'DIRECTORY', className: 'Directory', uniqueKey: 'bench-directory' },
    ],
    diskFull: () => undefined,
    bindings: { ETCD_ENABLE_V2: 'true', EMBEDDED: 'true' },
  })
  try {
    await host.fetch(new Request('http://host/'))
  } catch {
    // As it was made to.
  }
  return promise
}

async function wait(path: string): Promise<WorkerWebSocket> {
  const call: V2WatchCall = {
    path,
    askedPath: path,
    recursive: false,
    stream: false,
    waitIndex: '0',
    credentials: 'none',
  }
  const { webSocket } = await shard.fetch('http://shard/session', {
    headers: {
      Upgrade: 'websocket',
      [CONTEXT_HEADER]: JSON.stringify(context),
      [V2_WATCH_HEADER]: JSON.stringify(call),
    },
  })
  if (webSocket === null) {
    throw new Error('the shard has opened no socket')
  }
  webSocket.addEventListener('message', () => woken++)
  webSocket.accept()
  return webSocket
}

function setOf(path: string): V2KeysCall {
  return { ...V2_SET, path, askedPath: path }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

function collect(): void {
  if (globalThis.gc === undefined) {
    throw new Error('started without --expose-gc')
  }
  globalThis.gc()
}
