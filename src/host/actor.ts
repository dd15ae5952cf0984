import { clearTimeout, setTimeout } from 'node:timers'
import type { DurableObject, ObjectOptions } from './durable-object.ts'
import { ObjectLost } from './object-lost.ts'
import type { Reached } from './remote-actor.ts'
import { remoteError } from './remote-error.ts'
import { Resident } from './resident.ts'
import type { WorkerResponse } from './response.ts'
import type { SocketEvent, SocketOwner, WorkerWebSocket } from './web-socket.ts'

/** As long as workerd keeps an object in memory that nothing is asked of. */
const IDLE_MS = 10_000

export interface ActorOptions extends ObjectOptions {
  /** Nothing is left that would have to be kept. */
  readonly gone: () => void
}

/**
 * One object: in memory while something is asked of it, and for a while after. Its hibernating sockets
 * stay when it goes.
 */
export class Actor implements Reached, SocketOwner {
  readonly #options: ActorOptions
  readonly #hibernating = new Set<WorkerWebSocket>()
  #resident: Resident | undefined
  #idle: NodeJS.Timeout | undefined
  /** Its host is down, and another one may have its file. */
  #isDown = false

  constructor(options: ActorOptions) {
    this.#options = options
  }

  /** Calls a method of the class. Values cross as they do between isolates: by structured clone. */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const copies = structuredClone([...params])
    return structuredClone(
      await this.#called((object) => {
        const run = object[method] as (...params: unknown[]) => unknown
        return run.apply(object, copies)
      }),
    )
  }

  fetch(request: Request): Promise<WorkerResponse> {
    return this.#called(async (object, resident) => {
      if (object.fetch === undefined) {
        throw new Error('Handler does not export a fetch() function.')
      }
      const response = await object.fetch(request)
      const { webSocket } = response
      if (webSocket !== null && !this.#hibernating.has(webSocket.peer)) {
        resident.keep(webSocket.peer)
      }
      return response
    })
  }

  async #called<T>(run: (object: DurableObject, resident: Resident) => T | Promise<T>): Promise<T> {
    try {
      return await this.#event(run)
    } catch (error) {
      throw remoteError(error)
    }
  }

  /** The time of the alarm has come, as far as the table knows. What fails last is not tried again. */
  async alarm(retryCount: number, isLast: boolean): Promise<void> {
    await this.#event(async (object, resident) => {
      if (!resident.takeAlarm()) {
        return
      }
      try {
        await object.alarm?.({ retryCount, isRetry: retryCount > 0 })
      } catch (error) {
        resident.alarmFailed(isLast)
        throw error
      }
      resident.alarmDone()
    })
  }

  /** Where it is not in memory there is nothing to do it for. */
  defragment(): void {
    this.#resident?.defragment()
  }

  leave(deliver: () => void): void {
    // A socket outlives its object only where the object hibernates, and then says nothing.
    if (!this.#isDown) {
      this.#inMemory().gate.pass(deliver)
    }
  }

  enter(socket: WorkerWebSocket, frame: SocketEvent): void {
    if (this.#isDown) {
      return
    }
    if (!this.#hibernating.has(socket)) {
      this.#inMemory().run(() => socket.dispatch(frame))
      this.#settle()
      return
    }
    this.#event((object) => {
      if (frame.type === 'message') {
        return object.webSocketMessage?.(socket, frame.data)
      }
      if (frame.type === 'frames') {
        // Who hibernates does not listen for them.
        return undefined
      }
      this.#hibernating.delete(socket)
      return object.webSocketClose?.(socket, frame.code, frame.reason, frame.wasClean)
      // oxlint-disable-next-line no-console -- a Worker's log is its console
    }).catch((error: unknown) => console.error(error))
  }

  #inMemory(): Resident {
    return this.#resident ?? this.#wake()
  }

  #wake(): Resident {
    if (this.#isDown) {
      throw new ObjectLost('the host has failed')
    }
    const resident: Resident = new Resident(this.#options, {
      hibernating: this.#hibernating,
      owner: this,
      rested: () => this.#settle(),
      broken: () => {
        if (this.#resident === resident) {
          this.#resident = undefined
          this.#settle()
        }
      },
    })
    this.#resident = resident
    resident.start()
    return resident
  }

  async #event<T>(run: (object: DurableObject, resident: Resident) => T | Promise<T>): Promise<T> {
    const resident = this.#inMemory()
    try {
      return await resident.event((object) => run(object, resident))
    } finally {
      this.#settle()
    }
  }

  /** Something has come to an end: when nothing more comes, the object leaves the memory. */
  #settle(): void {
    if (this.#resident === undefined) {
      clearTimeout(this.#idle)
      this.#idle = undefined
      if (this.#hibernating.size === 0) {
        this.#options.gone()
      }
    } else if (this.#resident.rests()) {
      this.#idle = this.#idle?.refresh() ?? setTimeout(() => this.#leaveMemory(), IDLE_MS).unref()
    }
  }

  #leaveMemory(): void {
    this.#idle = undefined
    if (this.#resident?.isIdle === true) {
      this.evict()
    } else {
      this.#settle()
    }
  }

  /** Loses what it has in memory, its sockets and its answers, as a machine does that fails. */
  crash(reason: string): void {
    this.#resident?.break(reason)
    for (const socket of this.#hibernating) {
      socket.break(reason)
    }
    this.#hibernating.clear()
    this.#settle()
  }

  /** The same, for good: its host is down. */
  goDown(reason: string): void {
    this.#isDown = true
    this.crash(reason)
  }

  /** Takes it out of memory now. Its hibernating sockets stay. */
  evict(): void {
    this.#resident?.end()
    this.#resident = undefined
    this.#settle()
  }
}
