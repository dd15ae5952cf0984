import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { join } from './joined.ts'
import { loopbackAddressOf } from './loopback-address.ts'

/** A member that is not reached for so long is not there. */
const CONNECT_MS_MAX = 5_000

export interface PeerForwarderOptions {
  /** https. */
  readonly peerUrl: string
  /** What TLS is to be of now, since certificates change. Throws where the files cannot be read. */
  readonly secureContext: () => ConnectionOptions
  readonly failed: (error: Error) => void
}

/** The way of this node's runtime to another member: plain on loopback, and from there on in TLS. */
export class PeerForwarder {
  readonly #options: PeerForwarderOptions
  readonly #server: Server

  constructor(options: PeerForwarderOptions) {
    this.#options = options
    const url = new URL(options.peerUrl)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port === '' ? 443 : url.port)
    this.#server = createServer((near) => {
      let far: TLSSocket
      try {
        far = connect({ host, port, ...options.secureContext() })
      } catch (error) {
        options.failed(error instanceof Error ? error : new Error(String(error)))
        near.destroy()
        return
      }
      far.setTimeout(CONNECT_MS_MAX, () => far.destroy(new Error('no answer')))
      far.once('secureConnect', () => far.setTimeout(0))
      far.once('error', (error: Error) => options.failed(error))
      join(near, far)
    })
  }

  /** Members on one machine, as in a test, share the addresses. Rejects with a system error. */
  async listen(): Promise<void> {
    this.#server.listen({ ...loopbackAddressOf(this.#options.peerUrl), reusePort: true })
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
  }
}
