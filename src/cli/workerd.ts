import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import workerd from 'workerd'
import { listenEventOf } from './control-events.ts'
import { Failure } from './failure.ts'
import type { Log } from './log.ts'

/**
 * How long workerd may take to end requests in flight before it is killed. Nothing is lost by that:
 * what was acknowledged is on disk.
 */
const STOP_MS_MAX = 3000

export interface WorkerdStart {
  readonly flags?: readonly string[]
  readonly stopMs?: number
}

/** The workerd process that serves the Worker. */
export class Workerd {
  readonly #child: ChildProcess
  readonly #log: Log
  readonly #stopMs: number
  readonly #exited: Promise<string>
  #lastWords = 'no reason given'

  /** `flags` are workerd's own, before the path of its configuration. */
  constructor(
    configPath: string,
    log: Log,
    { flags = [], stopMs = STOP_MS_MAX }: WorkerdStart = {},
  ) {
    this.#log = log
    this.#stopMs = stopMs
    this.#child = spawn(workerd.default, ['serve', '--control-fd=3', ...flags, configPath], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => (signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
      (error: unknown) => `could not be started: ${String(error)}`,
    )
    this.#follow(1)
    this.#follow(2)
    log.write('info', 'workerd started', { pid: this.pid })
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves to how it ended, such as `exited with code 1`. */
  get exited(): Promise<string> {
    return this.#exited
  }

  /** Resolves to the ports of the sockets by their names, once all of them listen. */
  async listening(sockets: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const ports = await this.#readPorts(sockets.length)
    const missing = sockets.find((socket) => !ports.has(socket))
    if (missing !== undefined) {
      const how = await this.#exited
      throw new Failure(`workerd ${how} before it was ready: ${this.#lastWords}`)
    }
    return ports
  }

  /** SIGTERM, which lets requests in flight end, then SIGKILL. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#stopMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** workerd tells of each socket on its control descriptor, which ends early when it does. */
  async #readPorts(sockets: number): Promise<ReadonlyMap<string, number>> {
    const control = this.#stream(3)
    const ports = new Map<string, number>()
    for await (const line of createInterface({ input: control })) {
      const listening = listenEventOf(line)
      if (listening === undefined) {
        this.#log.write('info', 'workerd tells of something unknown here', { event: line })
        continue
      }
      ports.set(listening.socket, listening.port)
      if (ports.size === sockets) {
        break
      }
    }
    control.resume()
    return ports
  }

  #follow(descriptor: 1 | 2): void {
    createInterface({ input: this.#stream(descriptor) }).on('line', (line) => {
      this.#lastWords = line
      this.#log.forward(line)
    })
  }

  #stream(descriptor: 1 | 2 | 3): Readable {
    return this.#child.stdio[descriptor] as Readable
  }
}
