import { setTimeout as sleep } from 'node:timers/promises'
import { DigestStream } from './digest-stream.ts'
import { WorkerResponse } from './response.ts'
import { WebSocketPair, WorkerWebSocket } from './web-socket.ts'

/** `scheduler` of Workers; a wait for nothing lets other events in. */
const scheduler = {
  wait: (ms: number): Promise<void> =>
    ms > 0
      ? sleep(ms)
      : new Promise((resolve) => {
          setImmediate(resolve)
        }),
}

/** Gives this process the globals of Workers that Node has not, or has otherwise. */
export function defineWorkerGlobals(): void {
  define(globalThis, 'Response', WorkerResponse)
  define(globalThis, 'WebSocket', WorkerWebSocket)
  define(globalThis, 'WebSocketPair', WebSocketPair)
  define(globalThis, 'scheduler', scheduler)
  define(crypto, 'DigestStream', DigestStream)
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}
