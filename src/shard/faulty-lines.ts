import { isOfLab } from '../config/lab-keyspace.ts'
import { isRegion, type Region } from '../config/region.ts'
import type { LineFault } from '../protocol/fault-rpc.ts'

/** What passes over a cut line fails after so many ms, so that whoever tries it again has to wait. */
const LOST_MS = 1_000

/** In which region an object of that name is. */
type PlaceOf = (name: string) => Region | undefined

/** What a stub or a namespace is, for whoever passes its calls on. */
type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>

/**
 * The lines from one object of a lab's keyspace to the others, which can be cut and slowed. They are in memory: an object
 * that is made anew has sound ones until the lab says it again.
 */
export class FaultyLines {
  #fault: LineFault | undefined
  /** Those that this object has opened. */
  readonly #sockets = new Map<WebSocket, Region | undefined>()

  /** Undefined for whoever is none of a lab's, which has no such thing. */
  static of({ id: { name } }: Pick<DurableObjectState, 'id'>): FaultyLines | undefined {
    return isOfLab(name) ? new FaultyLines() : undefined
  }

  set(fault: LineFault): void {
    this.#fault = fault
    for (const [socket, region] of this.#sockets) {
      if (socket.readyState === WebSocket.CLOSED) {
        this.#sockets.delete(socket)
      } else if (this.#isLost(region)) {
        socket.close(1001, 'the line is cut')
        this.#sockets.delete(socket)
      }
    }
  }

  /** Throws where nobody of the other objects reaches this one. */
  arriveAtOnce(): void {
    if (this.#now?.isCut === true) {
      throw new Error('the line is cut')
    }
  }

  /** Resolves when what has been sent from elsewhere is here. Rejects where it never is. */
  async arrive(): Promise<void> {
    this.arriveAtOnce()
    await this.#way()
  }

  /** What the object is bound to, with the other objects behind these lines. */
  environment(env: Env): Env {
    return {
      ...env,
      SHARD: this.#namespace(env.SHARD, () => this.#now?.ownRegion),
      REPLICA: this.#namespace(env.REPLICA, (name) => regionIn(name)),
      // It is nowhere: only who is cut off from everybody does not reach it.
      DIRECTORY: this.#namespace(env.DIRECTORY, () => undefined),
    }
  }

  #namespace<Namespace extends object>(namespace: Namespace, place: PlaceOf): Namespace {
    const own = namespace as unknown as Methods
    return {
      jurisdiction: (name: unknown) =>
        this.#namespace(own['jurisdiction']?.(name) as Namespace, place),
      getByName: (name: string, options?: unknown) =>
        this.#stub(own['getByName']?.(name, options) as Methods, () => place(name)),
    } as unknown as Namespace
  }

  #stub(stub: Methods, place: () => Region | undefined): Methods {
    return new Proxy(stub, {
      get:
        (_, method) =>
        (...args: unknown[]): unknown => {
          const region = place()
          const call = (): unknown => stub[String(method)]?.(...args)
          return this.#now === undefined && method !== 'fetch'
            ? call()
            : this.#through(region, call)
        },
    })
  }

  async #through(region: Region | undefined, call: () => unknown): Promise<unknown> {
    if (this.#isLost(region)) {
      await scheduler.wait(LOST_MS)
      throw new Error('the line is cut')
    }
    await this.#way()
    const answer = await call()
    await this.#way()
    const { webSocket } = answer instanceof Response ? answer : {}
    if (webSocket) {
      this.#sockets.set(webSocket, region)
    }
    return answer
  }

  /** In one direction. */
  async #way(): Promise<void> {
    const { slowMs = 0 } = this.#now ?? {}
    if (slowMs > 0) {
      await scheduler.wait(slowMs / 2)
    }
  }

  #isLost(region: Region | undefined): boolean {
    const fault = this.#now
    return (
      fault !== undefined &&
      (fault.isCut || (region !== undefined && fault.unreachable.includes(region)))
    )
  }

  /** What is wrong just now. */
  get #now(): LineFault | undefined {
    return this.#fault !== undefined && this.#fault.until > Date.now() ? this.#fault : undefined
  }
}

/** `lab-1@weur` is in weur. */
function regionIn(name: string): Region | undefined {
  const [, place = ''] = name.split('@')
  return isRegion(place) ? place : undefined
}
