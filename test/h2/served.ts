import type { Socket } from 'node:net'
import { H2Connection } from '../../src/h2/connection.ts'
import { type H2Exchange, type Hold, openExchange } from '../../src/h2/exchange.ts'
import type { H2Request } from '../../src/h2/request.ts'
import type { H2Stream } from '../../src/h2/stream.ts'

/** Serves HTTP/2 with nothing of gRPC. */
export function serveStreams(
  socket: Socket,
  serve: (stream: H2Stream, request: H2Request) => void,
  openingMsMax = 60_000,
): H2Connection<H2Request> {
  return new H2Connection<H2Request>(socket, {
    streamsMax: 100,
    openingMsMax,
    prepare: (request) => request,
    request: serve,
    pinged: () => true,
    failed: (error) => {
      throw error
    },
    closed: () => undefined,
  })
}

/** Serves it to whoever takes requests as Node's streams. */
export function serveExchanges(
  socket: Socket,
  serve: (exchange: H2Exchange) => void,
  hold: Hold = () => true,
): H2Connection<H2Request> {
  return serveStreams(socket, (stream, request) => {
    const exchange = openExchange(stream, request, hold)
    if (exchange !== undefined) {
      serve(exchange)
    }
  })
}
