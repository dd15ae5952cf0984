import type { Socket } from 'node:net'
import { FrameType } from './frames.ts'
import type { H2Output } from './output.ts'

/** What a client that is let go may take to close. */
const LINGER_MS_MAX = 1_000

/** The last words of a connection, and its end. */
export class Ending {
  readonly #socket: Socket
  readonly #output: H2Output
  #linger: NodeJS.Timeout | undefined

  constructor(socket: Socket, output: H2Output) {
    this.#socket = socket
    this.#output = output
    socket.once('close', () => clearTimeout(this.#linger))
  }

  /** GOAWAY: streams behind `last` are not served. */
  announce(last: number, code: number, text: string): void {
    const why = Buffer.from(text)
    this.#output.begin(FrameType.GOAWAY, 0, 0, 8 + why.length)
    this.#output.addUint32(last)
    this.#output.addUint32(code)
    this.#output.add(why)
  }

  /**
   * What was said goes out, however long that takes, and the client closes. What it still sends is read
   * and thrown away: the system would answer it with a reset, which overtakes GOAWAY.
   */
  end(): void {
    this.#output.flush()
    this.#socket.end(() => this.linger())
    this.#socket.resume()
  }

  /** A client that does not close by itself has its connection closed. */
  linger(): void {
    this.#linger ??= setTimeout(() => this.#socket.destroy(), LINGER_MS_MAX)
  }
}
