import { join } from 'node:path'
import { Actor } from './actor.ts'
import { AlarmTable } from './alarm-table.ts'
import { type DurableObjectId, DurableObjectIds } from './durable-object-id.ts'
import type { DurableObjectClass } from './durable-object.ts'
import type { WorkerResponse } from './response.ts'

export interface NamespaceOptions {
  /** Of the namespace's files. */
  readonly directory: string
  /** From which ids are derived (cli/workerd-config.ts). */
  readonly uniqueKey: string
  readonly objectClass: DurableObjectClass
  /** What the objects are bound to. */
  readonly env: unknown
}

/** How an object is called: by the methods of its class, or by `fetch`. */
export interface Stub {
  readonly id: DurableObjectId
  fetch(input: string | Request, init?: RequestInit): Promise<WorkerResponse>
  readonly [method: string]: unknown
}

type StubClass = new (actor: () => Actor, id: DurableObjectId) => Stub

/** All objects of a class, of which those are in memory that something is asked of. */
export class DurableObjectNamespace {
  readonly #options: NamespaceOptions
  readonly #ids: DurableObjectIds
  readonly #actors = new Map<string, Actor>()
  readonly #alarms: AlarmTable
  readonly #stubClass: StubClass

  constructor(options: NamespaceOptions) {
    this.#options = options
    this.#ids = new DurableObjectIds(options.uniqueKey)
    this.#stubClass = stubClassOf(options.objectClass)
    this.#alarms = new AlarmTable(join(options.directory, 'metadata.sqlite'), (hex, retries) =>
      this.#actor(this.#ids.fromString(hex)).alarm(retries),
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

  idFromName(name: string): DurableObjectId {
    return this.#ids.fromName(name)
  }

  idFromString(hex: string): DurableObjectId {
    return this.#ids.fromString(hex)
  }

  get(id: DurableObjectId): Stub {
    return new this.#stubClass(() => this.#actor(id), id)
  }

  /** A hint where the object should be is passed over: there is one place. */
  getByName(name: string): Stub {
    return this.get(this.#ids.fromName(name))
  }

  jurisdiction(): never {
    throw new Error('Jurisdiction restrictions are not implemented in workerd.')
  }

  #actor(id: DurableObjectId): Actor {
    const hex = id.toString()
    let actor = this.#actors.get(hex)
    if (actor === undefined) {
      const { directory, objectClass, env } = this.#options
      actor = new Actor({
        id,
        path: join(directory, `${hex}.sqlite`),
        objectClass,
        env,
        alarms: this.#alarms,
        gone: () => this.#actors.delete(hex),
      })
      this.#actors.set(hex, actor)
    }
    return actor
  }
}

/** A class with the methods of the objects' class, each of which is a call. */
function stubClassOf(objectClass: DurableObjectClass): StubClass {
  class ActorStub {
    readonly id: DurableObjectId
    readonly actor: () => Actor

    constructor(actor: () => Actor, id: DurableObjectId) {
      this.actor = actor
      this.id = id
    }

    fetch(input: string | Request, init?: RequestInit): Promise<WorkerResponse> {
      return this.actor().fetch(new Request(input, init))
    }
  }
  const methods = Object.getOwnPropertyNames(objectClass.prototype).filter(
    (name) => !platformMethods.has(name),
  )
  for (const name of methods) {
    Object.defineProperty(ActorStub.prototype, name, {
      value(this: ActorStub, ...params: unknown[]) {
        return this.actor().call(name, params)
      },
    })
  }
  return ActorStub as unknown as StubClass
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
