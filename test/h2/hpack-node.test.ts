import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runs } from '../runs.ts'
import { serveStreams } from './served.ts'

const listener = createServer()
let port: number

beforeAll(async () => {
  listener.on('connection', (socket) =>
    serveStreams(socket, (stream, { fields }) => {
      const others = fields.filter(({ name }) => !name.startsWith(':'))
      stream.respond([{ name: ':status', value: '200' }, ...others], false)
      stream.end([{ name: 'grpc-status', value: '0' }])
    }),
  )
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  port = (listener.address() as AddressInfo).port
})

afterAll(() => void listener.close())

/** Sends headers and resolves to those that come back. */
async function echo(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const stream = session.request({ ':path': '/', ...headers })
  const [received] = (await once(stream, 'response')) as [Record<string, string>]
  const trailers = once(stream, 'trailers')
  stream.resume()
  const [{ 'grpc-status': status }] = (await trailers) as [Record<string, string>]
  expect(status).toBe('0')
  return Object.fromEntries(Object.entries(received).filter(([name]) => name !== ':status'))
}

const names = fc.stringMatching(/^x-[a-z0-9-]{0,20}$/)
const values = fc.stringMatching(/^[!-~]([ -~]{0,80}[!-~])?$/)
const headers = fc.dictionary(names, values, { maxKeys: 10 })

it('[HPK7] Node’s encoder and ours are read by the other side as they were meant', async () => {
  const session = connect(`http://127.0.0.1:${port}`)
  await fc.assert(
    fc.asyncProperty(headers, async (sent) => {
      // Twice: the second time the table has them.
      expect(await echo(session, sent)).toEqual({ ...sent })
      expect(await echo(session, sent)).toEqual({ ...sent })
    }),
    { numRuns: runs(200) },
  )
  session.close()
})

it.for([0, 100, 300, 4096, 65_536])(
  '[HPK7] a client with a table of %d bytes reads our headers, and after a change too',
  async (headerTableSize) => {
    const session = connect(`http://127.0.0.1:${port}`, { settings: { headerTableSize } })
    const sent = { 'content-type': 'application/grpc', 'x-a': 'b' }
    for (const size of [headerTableSize, 200, 0, 4096]) {
      session.settings({ headerTableSize: size })
      for (let count = 0; count < 3; count++) {
        expect(await echo(session, sent)).toEqual(sent)
      }
    }
    session.close()
  },
)
