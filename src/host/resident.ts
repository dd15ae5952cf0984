import { DurableObjectState, type ObjectLife } from './durable-object-state.ts'
import type { Asker, DurableObject, ObjectOptions } from './durable-object.ts'
import { isDiskFull, ObjectLost } from './object-lost.ts'
import { OutputGate } from './output-gate.ts'
import { remoteError } from './remote-error.ts'
import { SqliteFile } from './sqlite-file.ts'
import { DurableObjectStorage } from './storage.ts'
import { runOutside, runSoon, Tasks } from './tasks.ts'
import type { SocketOwner, WorkerWebSocket } from './web-socket.ts'

export interface Life {
  readonly hibernating: Set<WorkerWebSocket>
  readonly owner: SocketOwner
  /** Something that the object had under way by itself has ended. */
  readonly rested: () => void
  /** The object is lost; what comes next makes a new one. */
  readonly broken: () => void
}

/** One stay of an object in memory: its instance, its gates, and its open file. */
export class Resident implements ObjectLife, Asker {
  readonly gate = new OutputGate()
  readonly #options: ObjectOptions
  readonly #life: Life
  readonly #file: SqliteFile
  readonly #tasks: Tasks
  #object: DurableObject | undefined
  /** Sockets that do not hibernate: while there are any, the object stays. */
  readonly #kept = new Set<WorkerWebSocket>()
  /** Who waits for an answer of it. */
  readonly #pending = new Set<(error: unknown) => void>()
  /** Events that wait for the input gate, in their order. */
  #waiting: (() => void)[] = []
  #blocks = 0
  /** How much of its code runs, one within the other, and whether that has begun a commit. */
  #running = 0
  #isDue = false
  #lost: ObjectLost | undefined
  /** The alarm whose handler runs. */
  #firing: number | null = null

  constructor(options: ObjectOptions, life: Life) {
    this.#options = options
    this.#life = life
    this.#tasks = new Tasks(() => life.rested())
    this.#file = new SqliteFile(options.path, {
      begun: () => this.#begun(),
      durable: (commit) => this.gate.durable(commit),
      failed: (error) => this.#storageFailed(error),
    })
  }

  /** Makes the instance, whose constructor may already send and write. */
  start(): void {
    const { objectClass, id, env } = this.#options
    try {
      const state = new DurableObjectState(id, this)
      this.#object = this.#tasks.run(() => new objectClass(state, env(this)))
    } catch (error) {
      this.break(error instanceof Error ? error.message : String(error))
      throw Object.assign(remoteError(error) as Error, { durableObjectReset: true })
    }
  }

  get storage(): DurableObjectStorage {
    return new DurableObjectStorage(this.#file, {
      durable: () => this.gate.passed(),
      alarm: () => (this.#firing === null ? this.#file.alarm : null),
      setAlarm: (time) => this.#setAlarm(time),
      deleteAll: () => this.#deleteAll(),
    })
  }

  /** The turn that has begun to write ends when all has run that can run now; then it is committed. */
  #begun(): void {
    this.gate.begin()
    if (this.#running > 0) {
      this.#isDue = true
    } else {
      this.#commitSoon()
    }
  }

  #commitSoon(): void {
    const soon = (): void => runSoon(() => process.nextTick(() => this.#commit()))
    // What leaves with the commit sets off things that are not of an object.
    if (Tasks.current === undefined) {
      soon()
    } else {
      runOutside(soon)
    }
  }

  /** Runs code of the object, and has committed soon what it writes. */
  #run<T>(code: () => T): T {
    this.#running++
    try {
      return this.#tasks.run(code)
    } finally {
      this.#running--
      if (this.#isDue && this.#running === 0) {
        this.#isDue = false
        this.#commitSoon()
      }
    }
  }

  #commit(): void {
    if (this.#lost === undefined && this.#file.begun) {
      try {
        // Where all was deleted meanwhile, and written again, that is another commit than was begun.
        this.#file.commit(this.gate.begun)
      } catch (error) {
        this.#storageFailed(error)
      }
    }
  }

  #storageFailed(error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error))
    if (isDiskFull(cause)) {
      this.#options.diskFull()
    }
    this.#lose(`its storage failed: ${cause.message}`, () => this.#file.settle())
  }

  /** Between two turns: gives back to the disk what its file does not need. */
  defragment(): void {
    this.#commit()
    if (this.#lost === undefined) {
      runOutside(() => this.#file.defragment())
    }
  }

  #deleteAll(): void {
    this.#setAlarm(null)
    this.#file.deleteAll()
    // Whatever waits for what was written before waits for nothing any more.
    this.gate.durable(this.gate.begin())
  }

  /** Runs one event behind the input gate; answers when what it has written is on disk. */
  event<T>(run: (object: DurableObject) => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost)
        return
      }
      const settled = (): void => void this.#pending.delete(reject)
      const answered = (result: T): void => {
        this.gate.pass(() => {
          settled()
          resolve(result)
        })
      }
      const failed = (error: unknown): void => {
        this.gate.pass(() => {
          settled()
          reject(error)
        })
      }
      this.#pending.add(reject)
      this.deliver(() => {
        try {
          const result = this.#run(() => run(this.#instance))
          if (result instanceof Promise) {
            result.then(answered, failed)
          } else {
            answered(result)
          }
        } catch (error) {
          failed(error)
        }
      })
    })
  }

  get #instance(): DurableObject {
    if (this.#object === undefined) {
      throw new Error('an event before the object was made')
    }
    return this.#object
  }

  /** Runs code of the object behind the input gate: now, or when that opens. */
  run(code: () => void): void {
    this.deliver(() => this.#run(code))
  }

  /** Something comes in, now or when the input gate opens. */
  deliver(enter: () => void): void {
    if (this.#blocks > 0) {
      this.#waiting.push(enter)
    } else if (this.#lost === undefined) {
      enter()
    }
  }

  /** Nothing else comes in until it has ended. Where it fails, the object is lost. */
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T> {
    const blocked = this.#block(run)
    // Whoever asks the object hears of it; the constructor does not wait for it.
    blocked.catch(() => undefined)
    return blocked
  }

  async #block<T>(run: () => Promise<T>): Promise<T> {
    this.#blocks++
    try {
      return await run()
    } catch (error) {
      this.break(error instanceof Error ? error.message : String(error))
      throw error
    } finally {
      this.#blocks--
      this.#letIn()
      this.#life.rested()
    }
  }

  #letIn(): void {
    while (this.#blocks === 0 && this.#lost === undefined) {
      const enter = this.#waiting.shift()
      if (enter === undefined) {
        return
      }
      enter()
    }
  }

  acceptWebSocket(socket: WorkerWebSocket): void {
    this.#life.hibernating.add(socket)
    socket.belongTo(this.#life.owner)
    socket.accept()
  }

  /** Of a socket that does not hibernate: one that the object has accepted itself, or opened. */
  keep(socket: WorkerWebSocket): void {
    if (this.#lost !== undefined) {
      socket.break()
      return
    }
    socket.belongTo(this.#life.owner)
    this.#kept.add(socket)
    socket.addEventListener('close', () => this.#kept.delete(socket))
  }

  get sockets(): readonly WorkerWebSocket[] {
    return [...this.#life.hibernating]
  }

  /** Whether the alarm's time has come; from then on the object has none, unless it sets one. */
  takeAlarm(): boolean {
    const time = this.#file.alarm
    if (time === null) {
      this.#options.alarms.delete(this.#options.id)
      return false
    }
    if (time > Date.now()) {
      this.#options.alarms.set(this.#options.id, time)
      return false
    }
    this.#firing = time
    return true
  }

  /** The handler has succeeded. */
  alarmDone(): void {
    if (this.#firing !== null) {
      this.#firing = null
      this.#setAlarm(null)
    }
  }

  /** It failed; if that was the last time, there is none any more, unless another was set. */
  alarmFailed(isLast: boolean): void {
    if (isLast) {
      this.alarmDone()
    }
    this.#firing = null
  }

  /**
   * The object's file counts, and the table of all alarms is never behind it: it hears of an earlier
   * time before that is on disk, and of a later one or none when it is.
   */
  #setAlarm(time: number | null): void {
    const before = this.#file.alarm
    if (time !== null && (before === null || time < before)) {
      this.#options.alarms.set(this.#options.id, time)
    }
    this.#firing = null
    this.#file.alarm = time
    this.gate.pass(() => this.#tellAlarm())
  }

  /** What was stored in the end, which a transaction that was undone has not changed. */
  #tellAlarm(): void {
    if (this.#lost !== undefined) {
      return
    }
    const time = this.#file.alarm
    if (time === null) {
      this.#options.alarms.delete(this.#options.id)
    } else {
      this.#options.alarms.set(this.#options.id, time)
    }
  }

  get #isBusy(): boolean {
    return this.#pending.size > 0 || this.#kept.size > 0 || this.#blocks > 0 || this.#tasks.any
  }

  /** Whether nothing is under way. From then on it is idle until something is asked of its storage. */
  rests(): boolean {
    this.#file.used = false
    return !this.#isBusy
  }

  get isIdle(): boolean {
    return !this.#isBusy && !this.#file.used
  }

  waitFor(promise: Promise<unknown>): void {
    this.#tasks.waitFor(promise)
  }

  /** Leaves the memory: what it has written is on disk, and nothing more is. */
  end(): void {
    this.#tasks.cancel()
    this.#commit()
    this.#lost = new ObjectLost('the object has left the memory')
    this.#file.close()
  }

  /** The object is lost, with what it has written and not yet committed, its sockets and its answers. */
  break(reason: string): void {
    this.#lose(reason, () => undefined)
  }

  /** `settle` lets out what is durable nevertheless; where it fails, that is the reason. */
  #lose(reason: string, settle: () => Error | undefined): void {
    if (this.#lost !== undefined) {
      return
    }
    // Nothing comes in while the last answers leave.
    this.#lost = new ObjectLost(reason)
    this.#tasks.cancel()
    const lost = new ObjectLost(runOutside(settle)?.message ?? reason)
    this.gate.drop()
    this.#file.abandon()
    for (const reject of this.#pending) {
      reject(lost)
    }
    this.#pending.clear()
    this.#waiting = []
    for (const socket of [...this.#kept, ...this.#life.hibernating]) {
      socket.break(lost.message)
    }
    this.#life.hibernating.clear()
    this.#life.broken()
  }
}
