import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pipeToGateway } from '../../src/port/http-pipe.ts'
import { ClientListener } from '../../src/port/listener.ts'

let directory: string
let path: string
let gateway: Server
let listener: ClientListener
let client: Socket

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-pipe-'))
  path = join(directory, 'gateway')
  gateway = createServer({ allowHalfOpen: true }).listen(path)
  await once(gateway, 'listening')
  listener = new ClientListener()
  const port = await listener.bind(
    { host: '127.0.0.1', port: 0 },
    { isPlain: true, tls: undefined },
  )
  listener.serve({
    http1: (socket) => pipeToGateway(socket, path),
    http2: (socket) => void socket.destroy(),
  })
  client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
})

afterEach(async () => {
  client.destroy()
  listener.close()
  gateway.close()
  await rm(directory, { recursive: true })
})

/** The gateway's side of the pipe, after the client has said `GET`. */
async function connected(): Promise<Socket> {
  const accepted = once(gateway, 'connection') as Promise<[Socket]>
  client.write('GET')
  const [socket] = await accepted
  await once(socket, 'readable')
  expect(String(socket.read())).toBe('GET')
  return socket
}

async function readAll(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
  }
  return text
}

it('[PRT2] a client that has ended its side is still answered', async () => {
  const socket = await connected()
  client.end(' it all')
  expect(await readAll(socket)).toBe(' it all')
  socket.end('an answer')
  expect(await readAll(client)).toBe('an answer')
})

it('[PRT2] an answer that ends early reaches the client, which may go on', async () => {
  const socket = await connected()
  socket.end('an answer')
  expect(await readAll(client)).toBe('an answer')
  client.end(' more')
  expect(await readAll(socket)).toBe(' more')
})

it('[PRT2] megabytes arrive in order at a client that reads late', async () => {
  const socket = await connected()
  const block = Buffer.alloc(1 << 20, 'x')
  let accepted = 0
  for (let place = 0; place < 64; place++) {
    block.writeUInt32BE(place)
    accepted += Number(socket.write(Buffer.from(block)))
  }
  socket.end()
  // Back-pressure: what nobody reads is not taken off the gateway either.
  expect(accepted).toBeLessThan(64)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(socket.bytesWritten - socket.writableLength).toBeLessThan(64 << 20)
  let received = Buffer.alloc(0)
  let place = 0
  for await (const chunk of client) {
    received = Buffer.concat([received, chunk as Buffer])
    while (received.length >= block.length) {
      expect(received.readUInt32BE()).toBe(place)
      received = received.subarray(block.length)
      place++
    }
  }
  expect({ place, rest: received.length }).toEqual({ place: 64, rest: 0 })
})

it('[PRT3] a client that vanishes takes its connection to the gateway along', async () => {
  const socket = await connected()
  socket.on('error', () => undefined).resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  client.resetAndDestroy()
  // The gateway hears of it at the latest when it writes.
  const writes = setInterval(() => socket.write('x'), 5)
  await closed
  clearInterval(writes)
})

it('[PRT3] a gateway that dies ends the connections of its clients', async () => {
  const socket = await connected()
  socket.write('half an ans')
  await once(client, 'readable')
  expect(String(client.read())).toBe('half an ans')
  const ended = Promise.allSettled([readAll(client)])
  socket.destroy()
  await ended
})

it('[PRT3] a gateway that is not there is a connection that closes', async () => {
  gateway.close()
  await rm(path, { force: true })
  client.write('GET / HTTP/1.1\r\n\r\n')
  // By a FIN or by a reset, as the kernel has it.
  const answer = await readAll(client).catch((error: unknown) => String(error))
  expect(answer).toMatch(/^$|ECONNRESET/)
})
