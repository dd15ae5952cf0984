import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** A client's connection, or what stands for it. */
export interface ClientConnection extends Duplex {
  destroySoon(): void
  setTimeout(ms: number, late: () => void): this
}

/** How long a client may take to read what is left for it when the gateway is through. */
const lingerMsMax = 60_000

/**
 * How long the gateway may say nothing to a client that has ended its side. A client that has left
 * looks the same until something is written to it, and etcd takes each of them for gone at once.
 */
const silentMsMax = 5_000

/**
 * Carries bytes between a client and the gateway at a Unix socket, unread: HTTP/1.1 costs what a
 * pipe costs. Each side's end and back-pressure become the other's, and so does its sudden death:
 * a gateway that is gone looks to clients as a dead server would.
 */
export function pipeToGateway(client: ClientConnection, path: string): void {
  pipeBothWays(client, connect({ path, allowHalfOpen: true }))
}

/** The same for a gateway that is connected already, be it in this process. */
export function pipeBothWays(client: ClientConnection, gateway: Duplex): void {
  gateway.pipe(client)
  client.pipe(gateway)
  // The news of an error is the close that follows it.
  gateway.on('error', () => client.destroy())
  client.on('error', () => gateway.destroy())
  client.once('close', () => gateway.destroy())
  client.once('end', () => leaveWhenSilent(client, gateway))
  gateway.once('close', () => {
    client.setTimeout(lingerMsMax, () => client.destroy())
    client.destroySoon()
  })
}

function leaveWhenSilent(client: ClientConnection, gateway: Duplex): void {
  let timer: NodeJS.Timeout | undefined
  const wait = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (client.writableLength === 0) {
        client.destroy()
      } else {
        wait()
      }
    }, silentMsMax)
  }
  wait()
  gateway.on('data', wait)
  gateway.once('close', () => clearTimeout(timer))
}
