import { AsyncLocalStorage } from 'node:async_hooks'
import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers'

type Timer = ReturnType<typeof setTimeout>
type Handler = (...args: unknown[]) => void

const running = new AsyncLocalStorage<Tasks>()
const owners = new WeakMap<Timer, Tasks>()

/** What an object has under way by itself: timers, and promises of `waitUntil`. It stays for them. */
export class Tasks {
  readonly #timers = new Set<Timer>()
  readonly #ended: () => void
  #promises = 0
  #isOver = false

  /** `ended` hears of the end of each of them. */
  constructor(ended: () => void) {
    this.#ended = ended
  }

  /** Those of the object whose code runs. */
  static get current(): Tasks | undefined {
    return running.getStore()
  }

  get any(): boolean {
    return this.#timers.size > 0 || this.#promises > 0
  }

  /** Runs code of the object: what it begins is of the object. */
  run<T>(code: () => T): T {
    return running.run(this, code)
  }

  /** What it rejects with is the log's. */
  waitFor(promise: Promise<unknown>): void {
    this.#promises++
    promise
      // oxlint-disable-next-line no-console -- a Worker's log is its console
      .catch((error: unknown) => console.error(error))
      .finally(() => {
        this.#promises--
        this.#ended()
      })
  }

  timeout(handler: Handler, ms: number | undefined, args: readonly unknown[]): Timer {
    const timer = setTimeout(() => {
      this.forget(timer)
      handler(...args)
    }, ms)
    return this.#keep(timer)
  }

  interval(handler: Handler, ms: number | undefined, args: readonly unknown[]): Timer {
    return this.#keep(setInterval(() => handler(...args), ms))
  }

  #keep(timer: Timer): Timer {
    if (this.#isOver) {
      clearTimeout(timer)
    } else {
      this.#timers.add(timer)
      owners.set(timer, this)
    }
    return timer
  }

  /** It has gone off, or never will. */
  forget(timer: Timer): void {
    if (this.#timers.delete(timer)) {
      this.#ended()
    }
  }

  /** The object is no more: its timers do not go off. */
  cancel(): void {
    this.#isOver = true
    this.#timers.forEach((timer) => clearTimeout(timer))
    this.#timers.clear()
  }
}

/** Runs code that is nobody's, such as what a message of an object sets off elsewhere. */
export function runOutside<T>(code: () => T): T {
  return running.exit(code)
}

/** Runs it as a microtask. Of `queueMicrotask` Node makes a resource that hooks may ask for, which costs five times as much. */
export function runSoon(code: () => void): void {
  void Promise.resolve().then(code)
}

/** The global timers, which know the object that sets them. */
export const timers = {
  setTimeout: (handler: Handler, ms?: number, ...args: unknown[]): Timer =>
    Tasks.current?.timeout(handler, ms, args) ?? setTimeout(handler, ms, ...args),
  setInterval: (handler: Handler, ms?: number, ...args: unknown[]): Timer =>
    Tasks.current?.interval(handler, ms, args) ?? setInterval(handler, ms, ...args),
  clearTimeout: (timer?: Timer | number | string | null): void => {
    clearTimeout(timer ?? undefined)
    forget(timer)
  },
  clearInterval: (timer?: Timer | number | string | null): void => {
    clearInterval(timer ?? undefined)
    forget(timer)
  },
}

function forget(timer: Timer | number | string | null | undefined): void {
  if (typeof timer === 'object' && timer !== null) {
    owners.get(timer)?.forget(timer)
  }
}
