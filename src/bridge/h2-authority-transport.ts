import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { AuthorityRewriter } from './h2-authority-rewriter.ts'

/** What an HTTP/2 session runs on. */
export type Http2Transport = Duplex & Pick<Socket, 'remoteAddress' | 'remotePort' | 'bytesRead'>

/**
 * A connection whose authorities are rewritten as it is read. node:http2 reads a socket without
 * JavaScript, but this one with, which costs some speed.
 */
export class AuthorityTransport extends Duplex {
  readonly #socket: Socket
  readonly #rewriter: AuthorityRewriter

  /** `first` is what the rewriter has already passed on. */
  constructor(socket: Socket, rewriter: AuthorityRewriter, first: readonly Buffer[]) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#rewriter = rewriter
    for (const bytes of first) {
      this.push(bytes)
    }
    socket.on('data', (chunk) => this.#take(chunk))
    socket.once('end', () => this.#ended())
    socket.once('error', (error) => this.destroy(error))
    socket.once('close', () => this.destroy())
    socket.pause()
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  #take(chunk: Buffer): void {
    for (const bytes of this.#rewriter.take(chunk)) {
      if (!this.push(bytes)) {
        this.#socket.pause()
      }
    }
  }

  #ended(): void {
    this.push(this.#rewriter.release())
    this.push(null)
  }
}
