import type { Machine } from './machine.ts'

/** How long an answer of the host holds. */
const ROOM_MS_MAX = 1000
/** While there is none, it is asked so often whether that has passed. */
const FULL_MS = 1000
/** A value goes into the write-ahead log and from there into the file, with the pages around it. */
const BYTES_PER_COST = 2
const BYTES_PER_WRITE = 3 * 4096

interface HostRoom {
  readonly room: number
  readonly isExhausted: boolean
}

/**
 * The room on the disk, where the Worker runs on a machine that tells of it (HOST, in the embedded
 * start). A commit that the disk does not take costs the object its memory and all its sockets their
 * connection, so what takes space is refused before.
 */
export class DiskRoom {
  readonly #changed: (isFull: boolean) => void
  #host: Machine | undefined
  /** Bytes, as of the last answer, less what has been let in since. */
  #room = Infinity
  /** Below that it is asked again. */
  #low = Infinity
  #asked = 0
  #asking: Promise<void> | undefined
  #isFull = false
  /** No commit finds room, whatever it is of. */
  #isExhausted = false

  /** `changed` hears of the beginning and the end of having no room at all. */
  constructor(changed: (isFull: boolean) => void) {
    this.#changed = changed
  }

  /** From now on that host is asked. Without one there is always room. */
  async open(host: Machine | undefined): Promise<void> {
    this.#host = host
    await this.#ask(0)
  }

  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** Whether a request of that cost (maintenance/quota.ts) finds room, which is then taken. */
  take(cost: number): boolean {
    if (this.#host === undefined || cost === 0) {
      return true
    }
    const bytes = BYTES_PER_COST * cost + BYTES_PER_WRITE
    const fits = bytes < this.#room
    if (fits) {
      this.#room -= bytes
    }
    if (!fits || this.#room < this.#low || performance.now() - this.#asked > ROOM_MS_MAX) {
      void this.#ask(bytes)
    }
    return fits
  }

  #ask(needed: number): Promise<void> {
    this.#asking ??= this.#hear(needed)
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      .catch((error: unknown) => console.error(error))
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }

  async #hear(needed: number): Promise<void> {
    if (this.#host === undefined) {
      return
    }
    this.#asked = performance.now()
    const response = await this.#host.fetch(`http://host/room?needed=${needed}`)
    const { room, isExhausted } = (await response.json()) as HostRoom
    this.#room = room
    this.#isExhausted = isExhausted
    this.#low = room / 2
    if (room <= 0) {
      // Who waits for room may not write meanwhile.
      setTimeout(() => void this.#ask(0), FULL_MS)
    }
    if (this.#isFull !== room <= 0) {
      this.#isFull = room <= 0
      this.#changed(this.#isFull)
    }
  }
}
