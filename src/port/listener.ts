import { once } from 'node:events'
import { lstatSync, unlinkSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { PREFACE } from '../h2/frames.ts'
import type { TlsServer } from './tls-server.ts'

/** To listen on: `host` is an IP without brackets, `port` 0 takes a free one; or a Unix socket. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/** What an address takes: plaintext, TLS, or both, which the first byte tells apart. */
export interface Takes {
  readonly isPlain: boolean
  readonly tls: TlsServer | undefined
  /** Over TLS no HTTP/2 is offered. */
  readonly isHttp1Only?: boolean
  /** Others may listen on the same port (SO_REUSEPORT). */
  readonly reusePort?: boolean
}

/** The first byte of TLS, a record of the handshake (RFC 8446 §5.1). Neither HTTP begins so. */
const HANDSHAKE = 0x16

/** Who serves a connection, by what it speaks. Bytes already read have been put back. */
export interface Speakers {
  http2(socket: Socket): void
  http1(socket: Socket, isSecure: boolean): void
}

/** A connection that does not say what it speaks is let go after this long. */
const silenceMsMax = 120_000

/**
 * The client port: gRPC and HTTP/1.1 side by side on one address, as etcd does it with cmux
 * (embed/serve.go). A plaintext connection is sorted by its first bytes, one over TLS by ALPN.
 */
export class ClientListener {
  readonly #servers: Server[] = []
  /** Connections that nobody serves yet: they have not spoken, or `serve` is still to be called. */
  readonly #waiting = new Set<Socket>()
  #speakers: Speakers | undefined
  readonly #whenServed: (() => void)[] = []

  /** Resolves to the port, 0 for a path. Rejects with the system's error, such as EADDRINUSE. */
  async bind(
    address: ListenAddress,
    { isPlain, tls, isHttp1Only = false, reusePort = false }: Takes,
  ): Promise<number> {
    const options = { allowHalfOpen: true, noDelay: true }
    const protocols = isHttp1Only ? ['http/1.1'] : ['h2', 'http/1.1']
    const secure = tls?.create(options, protocols, (socket) => this.#byProtocol(socket))
    const server =
      secure !== undefined && !isPlain
        ? secure
        : createServer(options, (socket) => this.#sniff(socket, secure))
    if ('path' in address) {
      await removeStaleSocket(address.path)
    }
    server.listen({ ...address, exclusive: true, reusePort })
    await once(server, 'listening')
    this.#servers.push(server)
    return 'path' in address ? 0 : (server.address() as AddressInfo).port
  }

  /** Serves the connections that were made since `bind`, and all that follow. */
  serve(speakers: Speakers): void {
    this.#speakers = speakers
    for (const go of this.#whenServed.splice(0)) {
      go()
    }
  }

  /** Accepts no more; connections that somebody serves are theirs to end. */
  close(): void {
    for (const server of this.#servers) {
      server.close()
    }
    for (const socket of this.#waiting) {
      socket.destroy()
    }
  }

  #byProtocol(socket: TLSSocket): void {
    this.#hold(socket)
    const isHttp2 = socket.alpnProtocol === 'h2'
    this.#release(socket, (speakers) =>
      isHttp2 ? speakers.http2(socket) : speakers.http1(socket, true),
    )
  }

  /** `secure` takes those that begin with a handshake. */
  #sniff(socket: Socket, secure: Server | undefined): void {
    this.#hold(socket)
    let seen: Buffer = Buffer.alloc(0)
    const giveUp = (): void => void socket.destroy()
    socket.setTimeout(silenceMsMax, giveUp)
    socket.once('end', giveUp)
    const look = (): void => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) {
        return
      }
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const compared = Math.min(seen.length, PREFACE.length)
      const isLikeHttp2 = seen.compare(PREFACE, 0, compared, 0, compared) === 0
      if (isLikeHttp2 && compared < PREFACE.length) {
        return
      }
      socket.off('readable', look)
      socket.off('end', giveUp)
      socket.off('timeout', giveUp)
      socket.setTimeout(0)
      socket.unshift(seen)
      if (secure !== undefined && seen[0] === HANDSHAKE) {
        this.#waiting.delete(socket)
        secure.emit('connection', socket)
        return
      }
      this.#release(socket, (speakers) =>
        isLikeHttp2 ? speakers.http2(socket) : speakers.http1(socket, false),
      )
    }
    socket.on('readable', look)
  }

  #hold(socket: Socket): void {
    this.#waiting.add(socket)
    socket.once('close', () => this.#waiting.delete(socket))
    // A connection that breaks is over; whoever serves it hears of its close.
    socket.on('error', () => undefined)
  }

  #release(socket: Socket, serve: (speakers: Speakers) => void): void {
    const go = (): void => {
      this.#waiting.delete(socket)
      if (this.#speakers !== undefined && !socket.destroyed) {
        serve(this.#speakers)
      }
    }
    if (this.#speakers === undefined) {
      this.#whenServed.push(go)
    } else {
      go()
    }
  }
}

/** One that a server left which was killed. Anything else there stays, which etcd would take away. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) {
    return
  }
  if (!stat.isSocket()) {
    throw Object.assign(new Error(`${path} is no socket`), { code: 'ENOTSOCK', syscall: 'listen' })
  }
  // Where somebody listens the bind fails as it does at a port.
  if (!(await isAnswered(path))) {
    unlinkSync(path)
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    // Whatever else is wrong with it is the bind's to say.
    probe.once('error', (error) => resolve('code' in error && error.code !== 'ECONNREFUSED'))
  })
}
