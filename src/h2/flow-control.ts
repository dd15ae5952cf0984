import { WINDOW_BYTES_MAX } from './settings.ts'

/** What the client may still send us (RFC 9113 §6.9). */
export class ReceiveWindow {
  readonly #size: number
  #open: number
  #taken = 0

  constructor(size: number) {
    this.#size = size
    this.#open = size
  }

  /** So much has come. False where the client has sent more than it may. */
  receive(bytes: number): boolean {
    this.#open -= bytes
    return this.#open >= 0
  }

  /** So much of it has been taken. The increment to tell the client now, 0 for none yet. */
  take(bytes: number): number {
    this.#taken += bytes
    if (this.#taken < this.#size / 2) {
      return 0
    }
    const increment = this.#taken
    this.#taken = 0
    this.#open += increment
    return increment
  }
}

/** What we may still send. Less than nothing after the client has changed its mind (§6.9.2). */
export class SendWindow {
  bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** False where that is more than a window can be. */
  widen(increment: number): boolean {
    this.bytes += increment
    return this.bytes <= WINDOW_BYTES_MAX
  }
}
