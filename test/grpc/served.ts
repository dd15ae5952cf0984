import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { GrpcLimits, OtherRequest } from '../../src/grpc/connection.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import { GrpcServer } from '../../src/grpc/server.ts'
import type { Upstream } from '../../src/link/upstream.ts'
import { RawConnection } from '../h2/raw-frames.ts'

/** A gRPC server behind a port of its own. */
export interface Served {
  readonly server: GrpcServer
  readonly port: number
  readonly url: string
  /** What the server logged. */
  readonly logged: string[]
  connect(): ClientHttp2Session
  /** It ends with the server. */
  connectRaw(): RawConnection
  stop(): Promise<void>
}

const etcdLimits: GrpcLimits = {
  maxRequestBytes: 1_572_864,
  maxConcurrentStreams: 4_294_967_295,
  keepAliveMinTimeMs: 5_000,
  keepAliveIntervalMs: 7_200_000,
  keepAliveTimeoutMs: 20_000,
}

export async function serve(
  upstream: Upstream,
  limits: Partial<GrpcLimits> = {},
  otherRequest?: OtherRequest,
): Promise<Served> {
  const logged: string[] = []
  const server = new GrpcServer({
    door: { embedded: true, accessToken: undefined, linkSecret: undefined },
    upstream,
    metrics: new PortMetrics(),
    limits: { ...etcdLimits, ...limits },
    log: (level, message, fields) => logged.push(`${level} ${message} ${fields['error']}`),
    otherRequest,
  })
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    server.accept(socket)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const sessions: ClientHttp2Session[] = []
  const connect = (): ClientHttp2Session => {
    const session = connectHttp2(url)
    sessions.push(session)
    return session
  }
  const raw: RawConnection[] = []
  const connectRaw = (): RawConnection => {
    const connection = new RawConnection(port)
    raw.push(connection)
    return connection
  }
  const stop = async (): Promise<void> => {
    for (const session of sessions) {
      session.destroy()
    }
    for (const { socket } of raw) {
      socket.destroy()
    }
    listener.close()
    for (const socket of sockets) {
      socket.destroy()
    }
    await server.close()
  }
  return { server, port, url, logged, connect, connectRaw, stop }
}

/** Waits until the condition holds, of what no event tells. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
