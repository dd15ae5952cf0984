import type { Socket } from 'node:net'
import { AuthorityRewriter } from './h2-authority-rewriter.ts'
import { AuthorityTransport, type Http2Transport } from './h2-authority-transport.ts'
import { preface } from './listener.ts'

/** Settings that leave all as it is. */
const emptySettings = Buffer.from('000000040000000000', 'hex')

/** A client may have no request for long, but wants its own settings acknowledged within a minute. */
const REQUEST_MS_MAX = 30_000
/** A client that has made a request acknowledges settings at once. */
const ACK_MS_MAX = 1_000
/** Beyond the first window of a client, all its requests' headers included. */
const LOOKED_AT_BYTES_MAX = 256 * 1024

/**
 * Finds out whether node:http2 can serve a client. It resets streams whose `:authority` has characters
 * that names of servers do not have; clients of etcd put whole URLs there (etcdctl 3.4 for its
 * maintenance calls, k3s), and etcd does not look. So the headers of the first request are read here.
 * Nearly always they are fine, and node:http2 gets the socket with all bytes put back. Else, and where
 * that does not come out soon, it gets a transport that rewrites authorities.
 *
 * grpc-go makes no request before it has the server's settings. It gets empty ones, the acknowledgment
 * of which is kept from node:http2, which knows nothing of them; it sends its own later.
 *
 * A client that makes no request is served as well after `silenceMsMax`, or half a minute.
 *
 * A client that has had one authority may come with another: its streams are then reset after all.
 */
export function openAuthority(
  socket: Socket,
  silenceMsMax: number,
  ready: (transport: Http2Transport) => void,
): void {
  const opening = new Opening(socket, ready, Math.min(silenceMsMax, REQUEST_MS_MAX))
  socket.on('readable', opening.look)
  opening.look()
}

class Opening {
  readonly #socket: Socket
  readonly #ready: (transport: Http2Transport) => void
  readonly #rewriter = new AuthorityRewriter(preface.length)
  readonly #passed: Buffer[] = []
  #passedBytes = 0
  #hasSentSettings = false
  #bound: NodeJS.Timeout

  constructor(socket: Socket, ready: (transport: Http2Transport) => void, requestMsMax: number) {
    this.#socket = socket
    this.#ready = ready
    this.#bound = setTimeout(this.#rewrite, requestMsMax)
    socket.on('end', this.#leave)
    socket.on('error', this.#leave)
    socket.on('close', this.#leave)
  }

  readonly look = (): void => {
    const chunk = this.#socket.read() as Buffer | null
    if (chunk === null) {
      return
    }
    this.#passedBytes += chunk.length
    this.#passed.push(...this.#rewriter.take(chunk))
    if (!this.#hasPreface()) {
      this.#serveNatively()
    } else if (this.#rewriter.hasRewritten || this.#rewriter.isUnusual) {
      this.#rewrite()
    } else if (this.#rewriter.hasRequest && !this.#rewriter.awaitsAck) {
      this.#serveNatively()
    } else if (this.#passedBytes > LOOKED_AT_BYTES_MAX) {
      this.#rewrite()
    } else if (this.#rewriter.hasRequest) {
      clearTimeout(this.#bound)
      this.#bound = setTimeout(this.#rewrite, ACK_MS_MAX)
    } else {
      this.#expectRequest()
    }
  }

  /** Clients that do not wait have their request in what came with the preface. */
  #expectRequest(): void {
    const hasSettings = this.#passedBytes > preface.length
    if (hasSettings && this.#rewriter.isBetweenFrames && !this.#hasSentSettings) {
      this.#hasSentSettings = true
      this.#rewriter.awaitsAck = true
      this.#socket.write(emptySettings)
    }
  }

  #hasPreface(): boolean {
    const [first = preface.subarray(0, 0)] = this.#passed
    const start = first.length < preface.length ? Buffer.concat(this.#passed) : first
    const compared = Math.min(start.length, preface.length)
    return start.compare(preface, 0, compared, 0, compared) === 0
  }

  #serveNatively(): void {
    this.#end()
    this.#socket.unshift(Buffer.concat([...this.#passed, this.#rewriter.release()]))
    this.#ready(this.#socket)
  }

  readonly #rewrite = (): void => {
    this.#end()
    this.#ready(new AuthorityTransport(this.#socket, this.#rewriter, this.#passed))
  }

  readonly #leave = (): void => {
    this.#end()
    this.#socket.destroy()
  }

  #end(): void {
    clearTimeout(this.#bound)
    this.#socket.off('readable', this.look)
    this.#socket.off('end', this.#leave)
    this.#socket.off('error', this.#leave)
    this.#socket.off('close', this.#leave)
  }
}
