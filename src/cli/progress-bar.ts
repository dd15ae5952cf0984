const WIDTH = 30

/** How far something is, on a line of its own that is written over; nothing where nobody looks. */
export class ProgressBar {
  readonly #output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>
  readonly #what: string
  #shown = false

  constructor(what: string, output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr) {
    this.#what = what
    this.#output = output
  }

  /** `part` is from 0 to 1. */
  show(part: number, note: string): void {
    if (this.#output.isTTY) {
      const filled = Math.round(WIDTH * Math.min(Math.max(part, 0), 1))
      const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
      const percent = String(Math.floor(100 * Math.min(part, 1))).padStart(3)
      this.#output.write(`\r\u001B[K${this.#what} ${bar} ${percent} % ${note}`)
      this.#shown = true
    }
  }

  /** The line is free again. */
  end(): void {
    if (this.#shown) {
      this.#output.write('\r\u001B[K')
      this.#shown = false
    }
  }
}
