import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { DurableObjectClass } from './durable-object.ts'
import { hookModules } from './module-hooks.ts'
import {
  type BoundNamespace,
  DurableObjectNamespace,
  type Elsewhere,
  type Sought,
} from './namespace.ts'
import type { Reached } from './remote-actor.ts'
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
  /** Where it is one of several hosts. */
  readonly region?: HostRegion
}

/** Where a host is. */
interface HostRegion {
  /** `request.cf` of what comes in here (https://developers.cloudflare.com/workers/runtime-apis/request/). */
  readonly cf: object
  readonly elsewhere: Elsewhere
}

/** A Worker and its Durable Objects in this process. */
export class Host {
  readonly #worker: WorkerModule
  readonly #env: object
  readonly #namespaces: readonly DurableObjectNamespace[]
  readonly #byKey: ReadonlyMap<string, DurableObjectNamespace>
  readonly #cf: object | undefined

  static async open(options: HostOptions): Promise<Host> {
    hookModules()
    defineWorkerGlobals()
    return new Host(await options.worker(), options)
  }

  private constructor(
    worker: WorkerModule,
    { storage, namespaces, bindings, diskFull, region }: HostOptions,
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
        env: (asker) => env((other) => other.behind(asker)),
        elsewhere: region?.elsewhere,
      })
      bound.set(binding, namespace)
    }
    this.#worker = worker
    this.#env = env((namespace) => namespace)
    this.#cf = region?.cf
    this.#namespaces = [...bound.values()]
    this.#byKey = new Map(
      namespaces.flatMap(({ binding, uniqueKey }) => {
        const namespace = bound.get(binding)
        return namespace === undefined ? [] : [[uniqueKey, namespace]]
      }),
    )
    this.#namespaces.forEach((namespace) => namespace.start())
  }

  /** Asks the Worker. */
  fetch(request: Request): Promise<WorkerResponse> {
    if (this.#cf !== undefined) {
      Object.defineProperty(request, 'cf', { value: this.#cf })
    }
    return this.#worker.default.fetch(request, this.#env)
  }

  /** An object of this host, for another one. */
  reached({ uniqueKey, hex, name }: Pick<Sought, 'uniqueKey' | 'hex' | 'name'>): Reached {
    const namespace = this.#byKey.get(uniqueKey)
    if (namespace === undefined) {
      throw new Error(`no namespace ${uniqueKey}`)
    }
    return namespace.reached(hex, name)
  }

  /** Gives back to the disk what the file of that object does not need, between two of its turns. */
  async defragment(hex: string): Promise<void> {
    await setImmediate()
    this.#namespaces.forEach((namespace) => namespace.defragment(hex))
  }

  /** All that is in memory is lost, as when the machine fails. */
  crash(): void {
    this.#namespaces.forEach((namespace) => namespace.crash('the host has failed'))
  }

  /** One object is lost with what it has in memory; what is asked next makes it anew. */
  crashObject(hex: string): void {
    this.#namespaces.forEach((namespace) => namespace.crashOne(hex, 'the object has failed'))
  }

  /** Takes all objects out of memory. */
  stop(): void {
    this.#namespaces.forEach((namespace) => namespace.stop())
  }
}
