import { statfsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Log } from './log.ts'

/**
 * What is left free: for SQLite, which copies its write-ahead log of 16 MB into the file at once, and for
 * what wins space back, since each deletion writes too.
 */
const RESERVE_BYTES = 28 * 1024 * 1024
/** Of a small disk it is that part. */
const RESERVE_PART = 1 / 2
/** Once the disk was full, so much of the reserve more has to be free, so that it is not full again at once. */
const AGAIN_PART = 1 / 4
/** How long a write that has failed counts for more than what the file system says. */
const FAILED_MS = 2000

/** The disk of the data directory, and how much of it may still be written. */
export class DiskSpace {
  readonly #directory: string
  readonly #log: Log
  readonly #commitBytes: number
  /** So many bytes more than the reserve end a full disk; undefined while it is not full. */
  #again: number | undefined
  #failedUntil = 0

  /** A commit of any kind needs `commitBytes`: 0 where the runtime says itself which of them failed. */
  constructor(directory: string, log: Log, commitBytes = 0) {
    this.#directory = directory
    this.#log = log
    this.#commitBytes = commitBytes
  }

  /** Whether not even a deletion finds room. */
  get isExhausted(): boolean {
    const { bavail, bsize } = statfsSync(this.#directory)
    return bavail * bsize < this.#commitBytes
  }

  /**
   * Bytes that may be written, of which somebody needs `needed`. The disk is full where they are not
   * there: then it is 0 until there is clearly more. Both ends of that are a line of the log.
   */
  async room(needed: number): Promise<number> {
    const { bavail, blocks, bsize } = await statfs(this.#directory)
    const free = bavail * bsize
    const reserve = Math.min(RESERVE_BYTES, blocks * bsize * RESERVE_PART)
    const room = free - reserve
    const wasFull = this.#again !== undefined
    if (performance.now() < this.#failedUntil || room <= Math.max(needed, this.#again ?? 0)) {
      this.#again = Math.max(needed, this.#again ?? 0, reserve * AGAIN_PART)
    } else {
      this.#again = undefined
    }
    const isFull = this.#again !== undefined
    const fields = { 'data-dir': this.#directory, 'free-bytes': free }
    if (isFull && !wasFull) {
      this.#log.write('warn', 'the disk is full: what takes space is refused', fields)
    } else if (wasFull && !isFull) {
      this.#log.write('info', 'the disk has room again', fields)
    }
    return isFull ? 0 : room
  }

  /** A write has met a full disk. */
  failed(): void {
    this.#failedUntil = performance.now() + FAILED_MS
  }
}
