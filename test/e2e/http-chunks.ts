import { connect, type Socket } from 'node:net'

/** A POST of which the answer's chunks are seen as they were sent, unlike Node's own client shows them. */
export class ChunkedPost {
  readonly #socket: Socket
  readonly #reads: AsyncIterator<Buffer, undefined>
  #unread = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#reads = (socket as AsyncIterable<Buffer, undefined>)[Symbol.asyncIterator]()
  }

  /** Resolves when status and headers have come. */
  static async open(url: string, path: string, body: string): Promise<ChunkedPost> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const length = Buffer.byteLength(body)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`)
    const post = new ChunkedPost(socket)
    const head = await post.#until('\r\n\r\n')
    if (!/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
      throw new Error(`no answer in chunks: ${head}`)
    }
    return post
  }

  /** The next chunk; undefined for the one that ends the answer. */
  async chunk(): Promise<string | undefined> {
    const length = Number.parseInt(await this.#until('\r\n'), 16)
    const chunk = await this.#take(length)
    await this.#take(2)
    return length === 0 ? undefined : chunk.toString()
  }

  /** Ends this side, and reads on. */
  end(): void {
    this.#socket.end()
  }

  close(): void {
    this.#socket.destroy()
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf(mark)
      if (end >= 0) {
        return (await this.#take(end + mark.length)).toString()
      }
      await this.#more()
    }
  }

  async #take(bytes: number): Promise<Buffer> {
    while (this.#unread.length < bytes) {
      await this.#more()
    }
    const taken = this.#unread.subarray(0, bytes)
    this.#unread = this.#unread.subarray(bytes)
    return taken
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#reads.next()
    if (done === true) {
      throw new Error(`the connection ended in the middle of an answer: ${this.#unread.toString()}`)
    }
    this.#unread = Buffer.concat([this.#unread, value])
  }
}
