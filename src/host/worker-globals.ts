import { DigestStream } from './digest-stream.ts'
import { WorkerResponse } from './response.ts'
import { timers } from './tasks.ts'
import { WebSocketPair, WorkerWebSocket } from './web-socket.ts'

/** `scheduler` of Workers; a wait for nothing lets other events in. */
const scheduler = {
  wait: (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (ms > 0) {
        timers.setTimeout(() => resolve(), ms)
      } else {
        setImmediate(resolve)
      }
    }),
}

/** Gives this process the globals of Workers that Node has not, or has otherwise. */
export function defineWorkerGlobals(): void {
  define(globalThis, 'Response', WorkerResponse)
  define(globalThis, 'WebSocket', WorkerWebSocket)
  define(globalThis, 'WebSocketPair', WebSocketPair)
  define(globalThis, 'scheduler', scheduler)
  Object.entries(timers).forEach(([name, value]) => define(globalThis, name, value))
  define(crypto, 'DigestStream', DigestStream)
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}
