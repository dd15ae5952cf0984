import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { LogRoom } from './log-room.ts'

/** A client alone needs longer than this to hear an answer and ask again. */
const ALONE_MS_MIN = 0.05
/** A flush that takes less than this costs less than to hand it to a thread and hear of its end. */
const SHORT_FLUSH_MS = 0.4
/** A single one that took long says little of the next. */
const FLUSH_MS_MAX = 1
/** One of so many is waited for in any case, to see how long it takes. */
const MEASURED_OF = 64

/**
 * Brings commits to the disk: SQLite writes them to its write-ahead log (synchronous = NORMAL), and the
 * log is flushed here, by fdatasync, once for all commits that are in it by then. A commit that is
 * alone is waited for, which is the shortest way, and so is each where the disk is fast. Where others come
 * meanwhile, a thread waits, and what they write is made ready while the disk is busy.
 */
export class LogFlush {
  readonly #path: string
  readonly #flushed: (commit: number) => void
  readonly #failed: (error: Error) => void
  #file: number | undefined
  #room: LogRoom | undefined
  /** The last commit in the log. */
  #written = 0
  #isUnderWay = false
  #isBusy = false
  #lastEnd = 0
  /** What a flush that was waited for has taken lately, in milliseconds. */
  #flushMs = 0
  #besideOthers = 0

  /** `flushed` hears of the last commit that is on disk. Both are called from the loop, or at once. */
  constructor(path: string, flushed: (commit: number) => void, failed: (error: Error) => void) {
    this.#path = path
    this.#flushed = flushed
    this.#failed = failed
  }

  /** That commit is in the log. */
  written(commit: number): void {
    this.#written = commit
    this.#makeRoom()
    if (this.#isUnderWay) {
      this.#isBusy = true
      return
    }
    this.#isBusy ||= performance.now() - this.#lastEnd < ALONE_MS_MIN
    if (this.#isBusy && !this.#isShort()) {
      this.#isBusy = false
      this.#flushBeside()
    } else {
      this.#flushNow()
    }
  }

  #flushNow(): void {
    const commit = this.#written
    const start = performance.now()
    try {
      fdatasyncSync(this.#open())
    } catch (error) {
      this.#failed(error as Error)
      return
    }
    this.#lastEnd = performance.now()
    this.#flushMs += (Math.min(this.#lastEnd - start, FLUSH_MS_MAX) - this.#flushMs) / 8
    this.#flushed(commit)
    this.#lastEnd = performance.now()
  }

  #isShort(): boolean {
    return this.#flushMs < SHORT_FLUSH_MS || ++this.#besideOthers % MEASURED_OF === 0
  }

  #flushBeside(): void {
    const commit = this.#written
    const file = this.#open()
    this.#isUnderWay = true
    fdatasync(file, (error) => {
      if (this.#file !== file) {
        // The log that it was of is gone.
        closeSync(file)
        return
      }
      this.#isUnderWay = false
      if (error === null) {
        this.#flushed(commit)
        this.#lastEnd = performance.now()
        this.#flushRest(commit)
      } else {
        this.#failed(error)
      }
    })
  }

  /** What has come meanwhile, unless that was a turn of its own, begun by the answers. */
  #flushRest(commit: number): void {
    if (this.#written > commit && !this.#isUnderWay) {
      this.#flushBeside()
    }
  }

  #open(): number {
    this.#file ??= openSync(this.#path, 'r+')
    return this.#file
  }

  #makeRoom(): void {
    try {
      this.#room ??= new LogRoom(this.#open())
      this.#room.make()
    } catch (error) {
      // The commit has its place in the log, and a flush will tell whether the disk takes it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
        this.#failed(error as Error)
      }
    }
  }

  /** What is under way is waited for, and heard of. Answers what has failed. */
  settle(): Error | undefined {
    if (this.#isUnderWay) {
      const commit = this.#written
      try {
        fdatasyncSync(this.#open())
      } catch (error) {
        return error as Error
      }
      this.#flushed(commit)
    }
    return undefined
  }

  /** What is in the log by now is on disk when this returns. */
  end(): void {
    if (this.#file !== undefined) {
      fdatasyncSync(this.#file)
    }
    this.close()
  }

  /** Nothing is heard any more of what was written before. */
  close(): void {
    const file = this.#file
    this.#file = undefined
    this.#room = undefined
    if (file !== undefined && !this.#isUnderWay) {
      closeSync(file)
    }
    this.#isUnderWay = false
  }
}
