import { fstatSync, writeSync } from 'node:fs'

/**
 * SQLite writes its log into the file, and begins it anew, at so many pages, which puts wait for: the more there
 * are, the seldomer, and the more often a page is written over in the log alone. Its index is in memory, and finds
 * a page of up to 4,062 at the first look.
 */
export const LOG_PAGES = 4000
/** What it needs, with the head of each page and its own. */
const LOG_BYTES = LOG_PAGES * (4096 + 24) + 32
/** A keyspace that is hardly written to takes no more than that. */
const ROOM_BYTES_MIN = 64 * 1024

/**
 * Room in SQLite's write-ahead log for commits to come. A flush of a file that grows has to write more
 * than the file: where it is, and how long it is, both through the journal of the file system. A log
 * that is written over in place costs a fraction of that, so the log is doubled before it is full, up to
 * where SQLite begins it anew. SQLite takes what is behind its last frame for nothing, as it does what a
 * longer log has left there: no page has the number 0 (https://sqlite.org/fileformat2.html#walformat).
 */
export class LogRoom {
  readonly #file: number
  /** The length of the file when it was last looked at. */
  #length = 0

  constructor(file: number) {
    this.#file = file
  }

  /** Called when nobody writes to the log. Throws where the disk has no room. */
  make(): void {
    if (this.#length >= LOG_BYTES) {
      return
    }
    const { size } = fstatSync(this.#file)
    if (size === this.#length) {
      return
    }
    const end = Math.min(Math.max(2 * size, ROOM_BYTES_MIN), Math.max(size, LOG_BYTES))
    this.#length = size + writeSync(this.#file, new Uint8Array(end - size), 0, end - size, size)
  }
}
