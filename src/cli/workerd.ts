import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import workerd from 'workerd'
import { CLUSTER_SOCKET, listenEventOf } from './control-events.ts'
import { Failure } from './failure.ts'
import type { Log } from './log.ts'

/**
 * How long workerd may take to end requests in flight before it is killed. Nothing is lost by that:
 * what was acknowledged is on disk.
 */
const STOP_MS_MAX = 3000

interface WorkerdStart {
  /** Whether its configuration has a `cluster`. */
  readonly isOfCluster?: boolean
  readonly stopMs?: number
}

/** The workerd process that serves the Worker. */
export class Workerd {
  readonly #child: ChildProcess
  readonly #log: Log
  readonly #stopMs: number
  readonly #isOfCluster: boolean
  #clusterPort: number | undefined
  readonly #exited: Promise<string>
  #lastWords = 'no reason given'

  constructor(
    configPath: string,
    log: Log,
    { isOfCluster = false, stopMs = STOP_MS_MAX }: WorkerdStart = {},
  ) {
    this.#log = log
    this.#stopMs = stopMs
    this.#isOfCluster = isOfCluster
    const flags = isOfCluster ? ['--experimental'] : []
    this.#child = spawn(workerd.default, ['serve', '--control-fd=3', ...flags, configPath], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.#exited = once(this.#child, 'close').then(
      ([code, signal]) => (signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
      (error: unknown) => `could not be started: ${String(error)}`,
    )
    if (isOfCluster) {
      this.#guard()
    }
    this.#follow(1)
    this.#follow(2)
    log.write('info', 'workerd started', { pid: this.pid })
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.pid === 0 || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Resolves to how it ended, such as `exited with code 1`. */
  get exited(): Promise<string> {
    return this.#exited
  }

  /** Resolves to the ports of the sockets, in the order of the configuration, once all listen. */
  async listening(sockets: number): Promise<readonly number[]> {
    const names = Array.from({ length: sockets }, (_, place) => String(place))
    const ports = await this.#readPorts(this.#isOfCluster ? [...names, CLUSTER_SOCKET] : names)
    this.#clusterPort = ports.get(CLUSTER_SOCKET)
    return names.map((name) => ports.get(name) ?? 0)
  }

  /** Where it listens for other nodes, once it does. */
  get clusterPort(): number | undefined {
    return this.#clusterPort
  }

  /** SIGTERM, which lets requests in flight end, then SIGKILL. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#stopMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** workerd tells of each socket on its control descriptor, which ends early when it does. */
  async #readPorts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const control = this.#stream(3)
    const ports = new Map<string, number>()
    for await (const line of createInterface({ input: control })) {
      const listening = listenEventOf(line)
      if (listening === undefined) {
        this.#log.write('info', 'workerd tells of something unknown here', { event: line })
        continue
      }
      ports.set(listening.socket, listening.port)
      if (names.every((name) => ports.has(name))) {
        control.resume()
        return ports
      }
    }
    const how = await this.#exited
    throw new Failure(`workerd ${how} before it was ready: ${this.#lastWords}`)
  }

  /**
   * Where this process is killed, workerd would live on and keep its objects from other nodes, who may not
   * reach it any more. So somebody else waits for our end, and has it hand them over.
   */
  #guard(): void {
    const script = `read -r _; kill -TERM $0; sleep ${Math.ceil(this.#stopMs / 1000)}; kill -KILL $0`
    const guard = spawn('/bin/sh', ['-c', script, String(this.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    guard.on('error', (error) =>
      this.#log.write('warn', 'nobody looks after workerd', { error: error.message }),
    )
    void this.#exited.then(() => guard.kill('SIGKILL'))
  }

  #follow(descriptor: 1 | 2): void {
    createInterface({ input: this.#stream(descriptor) }).on('line', (line) => {
      // An exception has several lines, and a failure one.
      this.#lastWords = this.#log.forward(line).replaceAll('\n', ' ')
    })
  }

  #stream(descriptor: 1 | 2 | 3): Readable {
    return this.#child.stdio[descriptor] as Readable
  }
}
