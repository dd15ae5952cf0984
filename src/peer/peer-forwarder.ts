import { once } from 'node:events'
import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { join } from './joined.ts'
import { loopbackAddressOf } from './loopback-address.ts'

/** A member that does not answer for so long is not there. */
const SILENT_MS_MAX = 5_000
/** How often a member is asked while there are connections to it. */
const ASK_MS = 2_000

export interface PeerForwarderOptions {
  /** https. */
  readonly peerUrl: string
  /** What TLS is to be of now, since certificates change. Throws where the files cannot be read. */
  readonly secureContext: () => ConnectionOptions
  readonly failed: (error: Error) => void
}

/**
 * The way of this node's runtime to another member: plain on loopback, and from there on in TLS. A member
 * that is gone without a word, as by a power cut, would leave the runtime waiting for as long as TCP does.
 * So it is asked whether it is there, and one that is not loses its connections.
 */
export class PeerForwarder {
  readonly #options: PeerForwarderOptions
  readonly #server: Server
  readonly #connections = new Set<TLSSocket>()
  #asking: NodeJS.Timeout | undefined
  #isAsked = false

  constructor(options: PeerForwarderOptions) {
    this.#options = options
    this.#server = createServer((near) => {
      const far = this.#dial()
      if (far === undefined) {
        near.destroy()
        return
      }
      this.#connections.add(far)
      far.once('close', () => this.#connections.delete(far))
      join(near, far)
    })
  }

  /** Members on one machine, as in a test, share the addresses. Rejects with a system error. */
  async listen(): Promise<void> {
    this.#server.listen({ ...loopbackAddressOf(this.#options.peerUrl), reusePort: true })
    await once(this.#server, 'listening')
    this.#asking = setInterval(() => this.#ask(), ASK_MS)
  }

  close(): void {
    clearInterval(this.#asking)
    this.#server.close()
  }

  /** Undefined where the certificates cannot be read. */
  #dial(): TLSSocket | undefined {
    const { peerUrl, secureContext, failed } = this.#options
    const url = new URL(peerUrl)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port === '' ? 443 : url.port)
    try {
      const far = connect({ host, port, ...secureContext() })
      far.setTimeout(SILENT_MS_MAX, () => far.destroy(new Error('no answer')))
      far.once('secureConnect', () => far.setTimeout(0))
      far.once('error', (error: Error) => failed(error))
      return far
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  /** The runtime's own question, which any state of it answers. */
  #ask(): void {
    if (this.#isAsked || this.#connections.size === 0) {
      return
    }
    const far = this.#dial()
    if (far === undefined) {
      return
    }
    this.#isAsked = true
    const asked = request({ path: '/ready', createConnection: () => far, agent: false })
    const giveUp = setTimeout(() => asked.destroy(new Error('no answer')), SILENT_MS_MAX)
    asked.on('response', (response) => response.resume())
    asked.on('error', () => {
      for (const connection of this.#connections) {
        connection.destroy()
      }
    })
    asked.on('close', () => {
      clearTimeout(giveUp)
      this.#isAsked = false
      far.destroy()
    })
    asked.end()
  }
}
