import { join } from 'node:path'
import { Actor, type ActorOptions } from './actor.ts'
import { AlarmTable } from './alarm-table.ts'
import { ConnectionLost } from './connection-lost.ts'
import { type DurableObjectId, DurableObjectIds } from './durable-object-id.ts'
import type { Asker, DurableObjectClass } from './durable-object.ts'
import type { Reached } from './remote-actor.ts'
import type { WorkerResponse } from './response.ts'

export interface NamespaceOptions {
  /** Of the namespace's files. */
  readonly directory: string
  /** From which ids are derived (cli/workerd-config.ts). */
  readonly uniqueKey: string
  readonly objectClass: DurableObjectClass
  readonly diskFull: ActorOptions['diskFull']
  /** What the objects are bound to. */
  readonly env: ActorOptions['env']
  /** Where there are several regions. */
  readonly elsewhere?: Elsewhere | undefined
}

export interface Sought {
  /** Of its namespace. */
  readonly uniqueKey: string
  readonly hex: string
  /** Undefined where the id was not made of a name. */
  readonly name: string | undefined
  readonly hint: string | undefined
}

/** Where an object may be: in this region, which reaches it by `here`, or in another. */
export type Elsewhere = (object: Sought, here: () => Reached) => () => Reached

interface GetOptions {
  /** Who asks for an object first may say where it is made. */
  readonly locationHint?: string
}

/** How an object is called: by the methods of its class, or by `fetch`. */
export interface Stub {
  readonly id: DurableObjectId
  fetch(input: string | Request, init?: RequestInit): Promise<WorkerResponse>
  readonly [method: string]: unknown
}

/** A namespace as it is bound. */
export type BoundNamespace = Pick<
  DurableObjectNamespace,
  'get' | 'getByName' | 'idFromName' | 'idFromString' | 'jurisdiction'
>

type StubClass = new (actor: () => Reached, id: DurableObjectId, asker?: Asker) => Stub

/** All objects of a class, of which those are in memory that something is asked of. */
export class DurableObjectNamespace {
  readonly #options: NamespaceOptions
  readonly #ids: DurableObjectIds
  readonly #actors = new Map<string, Actor>()
  readonly #alarms: AlarmTable
  readonly #stubClass: StubClass
  #isDown = false

  constructor(options: NamespaceOptions) {
    this.#options = options
    this.#ids = new DurableObjectIds(options.uniqueKey)
    this.#stubClass = stubClassOf(options.objectClass)
    this.#alarms = new AlarmTable(
      join(options.directory, 'metadata.sqlite'),
      async ({ hex, name }, retries, isLast) => {
        const id = name === undefined ? this.#ids.fromString(hex) : this.#ids.fromName(name)
        await this.#actor(id).alarm(retries, isLast)
      },
    )
  }

  /** Alarms of an earlier process go off from now on. */
  start(): void {
    this.#alarms.start()
  }

  /** What was written is on disk, and the files are closed. */
  stop(): void {
    this.#alarms.stop()
    for (const actor of this.#actors.values()) {
      actor.evict()
    }
  }

  /** All that is in memory is lost: what was not written, every call, every socket. */
  crash(reason: string): void {
    this.#isDown = true
    this.#alarms.stop()
    for (const actor of this.#actors.values()) {
      actor.goDown(reason)
    }
  }

  /** An object is lost with what it has in memory; what is asked next makes it anew. */
  crashOne(hex: string, reason: string): void {
    this.#actors.get(hex)?.crash(reason)
  }

  /** For who is in an object: its calls leave when what it has written before is on disk. */
  behind(asker: Asker): BoundNamespace {
    const get = (id: DurableObjectId, options?: GetOptions): Stub =>
      new this.#stubClass(this.#reach(id, options), id, asker)
    return {
      get,
      getByName: (name, options) => get(this.#ids.fromName(name), options),
      idFromName: (name) => this.#ids.fromName(name),
      idFromString: (hex) => this.#ids.fromString(hex),
      jurisdiction: () => this.jurisdiction(),
    }
  }

  idFromName(name: string): DurableObjectId {
    return this.#ids.fromName(name)
  }

  idFromString(hex: string): DurableObjectId {
    return this.#ids.fromString(hex)
  }

  get(id: DurableObjectId, options?: GetOptions): Stub {
    return new this.#stubClass(this.#reach(id, options), id)
  }

  getByName(name: string, options?: GetOptions): Stub {
    return this.get(this.#ids.fromName(name), options)
  }

  /** The object itself, for another region that asks for it. */
  reached(hex: string, name: string | undefined): Reached {
    return this.#actor(name === undefined ? this.#ids.fromString(hex) : this.#ids.fromName(name))
  }

  /** A hint where the object should be is passed over where there is one place. */
  #reach(id: DurableObjectId, { locationHint: hint }: GetOptions = {}): () => Reached {
    const here = (): Actor => this.#actor(id)
    const { uniqueKey, elsewhere } = this.#options
    const { name } = id
    return elsewhere?.({ uniqueKey, hex: id.toString(), name, hint }, here) ?? here
  }

  jurisdiction(): never {
    throw new Error('Jurisdiction restrictions are not implemented in workerd.')
  }

  /** Of an object that has asked for it; `hex` is its id. */
  defragment(hex: string): void {
    this.#actors.get(hex)?.defragment()
  }

  #actor(id: DurableObjectId): Actor {
    const hex = id.toString()
    let actor = this.#actors.get(hex)
    if (actor === undefined) {
      if (this.#isDown) {
        throw new ConnectionLost()
      }
      const { directory, objectClass, env, diskFull } = this.#options
      const made: Actor = new Actor({
        id,
        path: join(directory, `${hex}.sqlite`),
        objectClass,
        env,
        diskFull,
        alarms: this.#alarms,
        gone: () => {
          // Another may have come in its place.
          if (this.#actors.get(hex) === made) {
            this.#actors.delete(hex)
          }
        },
      })
      actor = made
      this.#actors.set(hex, made)
    }
    return actor
  }
}

/** A class with the methods of the objects' class, each of which is a call. */
function stubClassOf(objectClass: DurableObjectClass): StubClass {
  class ActorStub {
    readonly id: DurableObjectId
    readonly #actor: () => Reached
    readonly #asker: Asker | undefined

    constructor(actor: () => Reached, id: DurableObjectId, asker?: Asker) {
      this.#actor = actor
      this.id = id
      this.#asker = asker
    }

    get name(): string | undefined {
      return this.id.name
    }

    fetch(input: string | Request, init?: RequestInit): Promise<WorkerResponse> {
      // A client's request is not of Node's own class, which takes no other.
      const isRequest = input instanceof Request && init === undefined
      const request = isRequest ? input : new Request(input, init)
      return this.#asker === undefined
        ? this.#actor().fetch(request)
        : this.#fetchFor(this.#asker, request)
    }

    async #fetchFor(asker: Asker, request: Request): Promise<WorkerResponse> {
      await asker.gate.passed()
      const response = await this.#actor().fetch(request)
      if (response.webSocket !== null) {
        asker.keep(response.webSocket)
      }
      return response
    }

    static define(name: string): void {
      Object.defineProperty(ActorStub.prototype, name, {
        value(this: ActorStub, ...params: unknown[]) {
          return this.#call(name, params)
        },
      })
    }

    async #call(name: string, params: readonly unknown[]): Promise<unknown> {
      if (this.#asker === undefined) {
        return this.#actor().call(name, params)
      }
      const copies = structuredClone([...params])
      await this.#asker.gate.passed()
      return this.#actor().call(name, copies)
    }
  }
  methodsOf(objectClass.prototype as object).forEach((name) => ActorStub.define(name))
  return ActorStub as unknown as StubClass
}

/** Those that can be called, inherited ones too. */
function methodsOf(prototype: object): ReadonlySet<string> {
  const names = new Set<string>()
  for (
    let level = prototype;
    level !== Object.prototype;
    level = Object.getPrototypeOf(level) as object
  ) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (!platformMethods.has(name)) {
        names.add(name)
      }
    }
  }
  return names
}

/** Of a class, those that the platform calls. */
const platformMethods: ReadonlySet<string> = new Set([
  'constructor',
  'fetch',
  'alarm',
  'webSocketMessage',
  'webSocketClose',
  'webSocketError',
])
