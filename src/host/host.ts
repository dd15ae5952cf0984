import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { DurableObjectClass } from './durable-object.ts'
import { hookModules } from './module-hooks.ts'
import { type BoundNamespace, DurableObjectNamespace } from './namespace.ts'
import type { WorkerResponse } from './response.ts'
import { defineWorkerGlobals } from './worker-globals.ts'

/** What a Worker's main module exports, as far as it is used here. */
export interface WorkerModule {
  readonly default: { fetch(request: Request, env: object): Promise<WorkerResponse> }
  readonly [name: string]: unknown
}

/** One namespace of Durable Objects: the binding, the class, and the key that its ids come from. */
export interface NamespaceBinding {
  readonly binding: string
  readonly className: string
  readonly uniqueKey: string
}

export interface HostOptions {
  /** Imports the Worker's main module, with everything in place that it needs. */
  readonly worker: () => Promise<WorkerModule>
  /** Where the namespaces have a directory each. */
  readonly storage: string
  readonly namespaces: readonly NamespaceBinding[]
  /** The disk has not taken what an object wrote. */
  readonly diskFull: () => void
  /** Other bindings, by name. */
  readonly bindings: Readonly<Record<string, unknown>>
}

/** A Worker and its Durable Objects in this process. */
export class Host {
  readonly #worker: WorkerModule
  readonly #env: object
  readonly #namespaces: readonly DurableObjectNamespace[]

  static async open(options: HostOptions): Promise<Host> {
    hookModules()
    defineWorkerGlobals()
    return new Host(await options.worker(), options)
  }

  private constructor(
    worker: WorkerModule,
    { storage, namespaces, bindings, diskFull }: HostOptions,
  ) {
    const bound = new Map<string, DurableObjectNamespace>()
    const env = (of: (namespace: DurableObjectNamespace) => BoundNamespace): object => ({
      ...bindings,
      ...Object.fromEntries([...bound].map(([binding, namespace]) => [binding, of(namespace)])),
    })
    for (const { binding, className, uniqueKey } of namespaces) {
      const namespace = new DurableObjectNamespace({
        directory: join(storage, uniqueKey),
        uniqueKey,
        objectClass: worker[className] as DurableObjectClass,
        diskFull,
        env: (gate) => env((other) => other.behind(gate)),
      })
      bound.set(binding, namespace)
    }
    this.#worker = worker
    this.#env = env((namespace) => namespace)
    this.#namespaces = [...bound.values()]
    this.#namespaces.forEach((namespace) => namespace.start())
  }

  /** Asks the Worker. */
  fetch(request: Request): Promise<WorkerResponse> {
    return this.#worker.default.fetch(request, this.#env)
  }

  /** Gives back to the disk what the file of that object does not need, between two of its turns. */
  async defragment(hex: string): Promise<void> {
    await setImmediate()
    this.#namespaces.forEach((namespace) => namespace.defragment(hex))
  }

  /** Takes all objects out of memory. */
  stop(): void {
    this.#namespaces.forEach((namespace) => namespace.stop())
  }
}
