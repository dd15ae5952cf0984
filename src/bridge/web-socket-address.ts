import { connect as connectNet, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What is read from the system at once. */
const READ_BYTES = 64 * 1024

/** Where a WebSocket is asked for. */
export interface WebSocketAddress {
  readonly isSecure: boolean
  /** A Unix socket, which is of this machine, or a host's. */
  readonly peer: { readonly path: string } | { readonly host: string; readonly port: number }
  /** The header. */
  readonly host: string
  readonly path: string
}

/** Of `ws://…`, `wss://…` or `ws+unix:/path:/session`. */
export function webSocketAddress(text: string): WebSocketAddress {
  const url = new URL(text)
  if (url.protocol === 'ws+unix:') {
    const [path = '', route = '/'] = url.pathname.split(':')
    return {
      isSecure: false,
      peer: { path },
      host: 'localhost',
      path: route + url.search,
    }
  }
  const isSecure = url.protocol === 'wss:'
  return {
    isSecure,
    peer: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(url.port || (isSecure ? 443 : 80)),
    },
    host: url.host,
    path: url.pathname + url.search,
  }
}

/**
 * `take` is given what comes, in memory that is used again afterwards: no event, no stream and no buffer is
 * made for it.
 */
export function connectTo(
  { isSecure, peer }: WebSocketAddress,
  take: (chunk: Buffer, length: number) => void,
): Socket {
  const chunk = Buffer.allocUnsafeSlow(READ_BYTES)
  const onread: OnReadOpts = {
    buffer: chunk,
    callback: (length) => {
      take(chunk, length)
      return true
    },
  }
  if (!isSecure) {
    return connectNet({ ...peer, noDelay: true, onread })
  }
  const servername = 'host' in peer && isIP(peer.host) === 0 ? peer.host : ''
  const secure = { ...peer, servername, ALPNProtocols: ['http/1.1'], onread }
  return connectTls(secure).setNoDelay(true)
}
