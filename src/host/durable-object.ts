import type { DurableObjectId } from './durable-object-id.ts'
import type { DurableObjectState } from './durable-object-state.ts'
import type { OutputGate } from './output-gate.ts'
import type { WorkerResponse } from './response.ts'
import type { WorkerWebSocket } from './web-socket.ts'

/** An instance of a class of Durable Objects, as far as the platform calls it. */
export interface DurableObject {
  fetch?(request: Request): Promise<WorkerResponse>
  alarm?(info: { readonly retryCount: number; readonly isRetry: boolean }): Promise<void>
  webSocketMessage?(socket: WorkerWebSocket, data: string | ArrayBuffer): void | Promise<void>
  webSocketClose?(
    socket: WorkerWebSocket,
    code: number,
    reason: string,
    wasClean: boolean,
  ): void | Promise<void>
  readonly [method: string]: unknown
}

/** An object that asks others. */
export interface Asker {
  /** What it asks leaves by it. */
  readonly gate: OutputGate
  /** A socket to another object is from now on one of its own. */
  keep(socket: WorkerWebSocket): void
}

export type DurableObjectClass = new (ctx: DurableObjectState, env: unknown) => DurableObject

/** What an object is made of, each time that it comes into memory. */
export interface ObjectOptions {
  readonly id: DurableObjectId
  /** Of its SQLite file, which may be yet to come. */
  readonly path: string
  readonly objectClass: DurableObjectClass
  /** What the object is bound to. */
  readonly env: (asker: Asker) => unknown
  readonly alarms: AlarmKeeper
  /** The disk has not taken what it wrote. */
  readonly diskFull: () => void
}

/** Where alarms are kept for when the object is not in memory. */
export interface AlarmKeeper {
  /** Milliseconds since 1970. Durable when it returns. */
  set(id: DurableObjectId, time: number): void
  delete(id: DurableObjectId): void
}
