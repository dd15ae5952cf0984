import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { join } from './joined.ts'
import { loopbackAddressOf } from './loopback-address.ts'

const HANDSHAKE_MS_MAX = 5_000
const RETRY_MS = 500
/** Longer than the lease of a node, after which the runtime looks for nobody there. */
const HELD_MS_MAX = 30_000

export interface PeerForwarderOptions {
  /** https. */
  readonly peerUrl: string
  /** What TLS is to be of now, since certificates change. Throws where the files cannot be read. */
  readonly secureContext: () => ConnectionOptions
  readonly failed: (error: Error) => void
}

/**
 * The way of this node's runtime to another member: plain on loopback, and from there on in TLS. A connection
 * to a member that is not there is held open and silent, as one to a machine without power is: the runtime
 * goes by the member's lease. One that ends before it is answered crashes workerd 1.20261117.
 */
export class PeerForwarder {
  readonly #options: PeerForwarderOptions
  readonly #server: Server
  readonly #held = new Set<Socket>()

  constructor(options: PeerForwarderOptions) {
    this.#options = options
    this.#server = createServer((near) => {
      this.#held.add(near)
      const giveUp = setTimeout(() => near.destroy(), HELD_MS_MAX)
      near.on('error', () => undefined)
      near.once('close', () => {
        clearTimeout(giveUp)
        this.#held.delete(near)
      })
      this.#dial(near, () => {
        clearTimeout(giveUp)
        this.#held.delete(near)
      })
    })
  }

  /** Members on one machine, as in a test, share the addresses. Rejects with a system error. */
  async listen(): Promise<void> {
    this.#server.listen({ ...loopbackAddressOf(this.#options.peerUrl), reusePort: true })
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
    this.#held.forEach((near) => near.destroy())
  }

  /** Again and again, until the member is there or the runtime has given it up. */
  #dial(near: Socket, answered: () => void): void {
    if (near.destroyed) {
      return
    }
    const again = (error: Error): void => {
      this.#options.failed(error)
      setTimeout(() => this.#dial(near, answered), RETRY_MS)
    }
    let far: TLSSocket
    try {
      far = this.#connect()
    } catch (error) {
      again(error instanceof Error ? error : new Error(String(error)))
      return
    }
    far.setTimeout(HANDSHAKE_MS_MAX, () => far.destroy(new Error('no answer')))
    far.once('error', again)
    far.once('secureConnect', () => {
      far.off('error', again)
      far.once('close', () => {
        if (this.#held.has(near)) {
          // With TLS 1.3 a certificate is refused only now.
          this.#options.failed(new Error('it ended the connection: does it take our certificate?'))
        }
      })
      far.setTimeout(0)
      far.once('data', answered)
      join(near, far, () => this.#held.has(near))
    })
  }

  #connect(): TLSSocket {
    const { peerUrl, secureContext } = this.#options
    const url = new URL(peerUrl)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    return connect({ host, port: Number(url.port === '' ? 443 : url.port), ...secureContext() })
  }
}
