import { type Address, H2Connection } from './h2-connection.ts'
import { MeasuredWindow, type UnaryResult } from './measured-window.ts'

export interface GrpcLoad {
  readonly address: Address
  /** Whose processor time is measured, with that of all processes below it. */
  readonly serverPid: number
  readonly connections: number
  /** Calls under way on each connection. */
  readonly streams: number
  /** How long to measure, after a quarter as long that is not counted. */
  readonly seconds: number
}

export interface GrpcTask extends GrpcLoad {
  readonly kind: 'grpc'
  readonly method: string
  /** One request, framed, sent over and over. */
  readonly frame: Uint8Array
}

/** A closed loop of one and the same request. */
export function grpcLoad(task: GrpcTask): Promise<UnaryResult> {
  return closedLoop(task, (connection, next) => {
    connection.call(task.method, task.frame, next)
  })
}

export interface GrpcCycleTask extends GrpcLoad {
  readonly kind: 'grpc-cycle'
  readonly method: string
  /** Requests, framed, sent in turn. */
  readonly frames: readonly Uint8Array[]
}

export function grpcCycleLoad(task: GrpcCycleTask): Promise<UnaryResult> {
  const { method, frames } = task
  let sent = 0
  return closedLoop(task, (connection, next) => {
    connection.call(method, frames[sent++ % frames.length] ?? Buffer.alloc(0), next)
  })
}

/** Sends what a stream asks next; `next` takes the answer. */
export type Send = (connection: H2Connection, next: (answer: Buffer) => void) => void

/** Each stream of each connection sends its next request when it has the answer to its last. */
export async function closedLoop(load: GrpcLoad, send: Send): Promise<UnaryResult> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const opening = Array.from({ length: load.connections }, () =>
    H2Connection.open(load.address, reject),
  )
  const connections = await Promise.race([Promise.all(opening), broken])
  const window = new MeasuredWindow(load.seconds, load.serverPid)
  const streams = connections.flatMap((connection) =>
    Array.from({ length: load.streams }, () => untilOver(connection, send, window)),
  )
  await Promise.race([Promise.all(streams), broken])
  connections.forEach((connection) => connection.close())
  return window.result()
}

function untilOver(connection: H2Connection, send: Send, window: MeasuredWindow): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const once = (): void => {
    const sentAt = performance.now()
    send(connection, () => {
      if (window.over(sentAt)) {
        resolve()
      } else {
        once()
      }
    })
  }
  once()
  return promise
}
