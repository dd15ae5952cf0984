import { once } from 'node:events'
import { Agent, createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HttpProxy } from '../../src/port/http-proxy.ts'
import { ClientListener } from '../../src/port/listener.ts'
import { serveExchanges } from '../h2/served.ts'

/** A proxy with a port of its own, in front of a gateway at `/base` of `store.example`. */
export interface ProxyServed {
  readonly gateway: Server
  readonly proxy: HttpProxy
  readonly port: number
  /** What the proxy has logged, as `level message`. */
  readonly log: readonly string[]
  stop(): Promise<void>
}

/** All but `/private` is for clients. */
export async function serveProxy(
  answer: RequestListener,
  agent = new Agent({ keepAlive: true }),
): Promise<ProxyServed> {
  const gateway = createServer(answer).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  const log: string[] = []
  const proxy = new HttpProxy(
    {
      isSecure: false,
      address: { host: '127.0.0.1', port: (gateway.address() as AddressInfo).port },
      basePath: '/base',
      serves: (path) => path !== '/private',
      headers: { host: 'store.example', authorization: 'Bearer secret' },
      agent,
      certificateSecret: undefined,
    },
    (level, message) => log.push(`${level} ${message}`),
  )
  const listener = new ClientListener()
  const port = await listener.bind(
    { host: '127.0.0.1', port: 0 },
    { isPlain: true, tls: undefined },
  )
  listener.serve({
    http1: (socket) => proxy.accept(socket, undefined),
    http2: (socket) =>
      serveExchanges(socket, (exchange) => proxy.passExchange(exchange, undefined)),
  })
  const stop = async (): Promise<void> => {
    listener.close()
    await proxy.close()
    gateway.close()
    gateway.closeAllConnections()
  }
  return { gateway, proxy, port, log, stop }
}
