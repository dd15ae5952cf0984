import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { StrictConnection } from '../../src/http1/strict-connection.ts'

const good = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const bad = 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'

/** A client, the strict connection that the server has of it, and what either has heard. */
async function connected(isCounted: boolean): Promise<{
  readonly client: Socket
  readonly server: StrictConnection
  readonly heard: { client: string; server: string; clientEnded: boolean; serverEnded: boolean }
}> {
  const port = createServer({ allowHalfOpen: true })
  await once(port.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void port.close())
  const accepted = once(port, 'connection') as Promise<[Socket]>
  const client = connect({
    port: (port.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  onTestFinished(() => void client.destroy())
  const [socket] = await accepted
  socket.on('error', () => undefined)
  const rules = { headBytesMax: 1000, brokenBody: () => undefined, isCounted }
  const server = new StrictConnection(socket, Buffer.alloc(0), rules)
  const heard = { client: '', server: '', clientEnded: false, serverEnded: false }
  client.on('data', (bytes) => (heard.client += bytes.toString('latin1')))
  client.on('end', () => (heard.clientEnded = true))
  server.on('data', (bytes: Buffer) => (heard.server += bytes.toString('latin1')))
  server.on('end', () => (heard.serverEnded = true))
  return { client, server, heard }
}

const moment = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 30))

afterEach(() => void vi.useRealTimers())

describe('a refusal', () => {
  it('[RAW5] waits for the answers that are due, where they are counted', async () => {
    const { client, server, heard } = await connected(true)
    client.write(good + good + bad + good)
    await vi.waitFor(() => expect(heard.server).toBe(good + good))
    server.write('one')
    server.emit('answered')
    await moment()
    expect(heard).toMatchObject({ client: 'one', clientEnded: false, serverEnded: false })
    server.write('two')
    server.emit('answered')
    await vi.waitFor(() => expect(heard.clientEnded).toBe(true))
    expect(heard.client).toMatch(/^onetwoHTTP\/1\.1 400 Bad Request\r\n/)
    expect(heard.server).toBe(good + good)
  })

  it('[RAW5] comes behind the end of who answers, where they are not', async () => {
    const { client, server, heard } = await connected(false)
    client.write(good + bad)
    await vi.waitFor(() => expect(heard.serverEnded).toBe(true))
    expect(heard).toMatchObject({ server: good, client: '' })
    server.end('one')
    await vi.waitFor(() => expect(heard.clientEnded).toBe(true))
    expect(heard.client).toMatch(/^oneHTTP\/1\.1 400 Bad Request\r\n/)
  })

  it('[RAW6] is what a head gets that never comes to its end', async () => {
    const { client, server, heard } = await connected(true)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    client.write(good)
    await once(server, 'data')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(heard.client).toBe('')
    server.emit('answered')
    client.write(good.slice(0, -1))
    // The bytes are there when they have been seen, of which nothing else tells.
    while (vi.getTimerCount() === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await vi.advanceTimersByTimeAsync(60_000)
    await once(client, 'end')
    expect(heard.client).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
  })
})

describe('a server that stops', () => {
  it('[RAW7] has one more request answered, which asks for the end, and nothing behind it', async () => {
    const { client, server, heard } = await connected(false)
    client.write(good)
    await vi.waitFor(() => expect(heard.server).toBe(good))
    server.finish()
    client.write(good + good)
    await vi.waitFor(() => expect(heard.serverEnded).toBe(true))
    expect(heard.server).toBe(`${good}${good.slice(0, -2)}Connection: close\r\n\r\n`)
    server.end('answers')
    await vi.waitFor(() => expect(heard).toMatchObject({ client: 'answers', clientEnded: true }))
  })

  it('[RAW7] has a body come to its end, and lets a silent client go', async () => {
    const { client, server, heard } = await connected(false)
    const body = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na'
    client.write(body)
    await vi.waitFor(() => expect(heard.server).toBe(body))
    server.finish()
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(heard.serverEnded).toBe(false)
    client.write('b')
    await vi.waitFor(() => expect(heard.serverEnded).toBe(true))
    expect(heard.server).toBe(`${body}b`)
    const silent = await connected(false)
    silent.server.finish()
    await vi.waitFor(() => expect(silent.heard.serverEnded).toBe(true))
  })

  it('[RAW7] leaves a WebSocket to whoever serves it', async () => {
    const { client, server, heard } = await connected(false)
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    client.write(`${upgrade}\x81\x80abcd`, 'latin1')
    await vi.waitFor(() => expect(heard.server).toBe(`${upgrade}\x81\x80abcd`))
    server.finish()
    await new Promise((resolve) => setTimeout(resolve, 600))
    client.write('\x81\x80efgh', 'latin1')
    await vi.waitFor(() => expect(heard.server).toContain('efgh'))
    expect(heard.serverEnded).toBe(false)
  })
})

it('[RAW5] a client that reads late holds its server back, and gets all of it', async () => {
  const { client, server, heard } = await connected(true)
  client.pause().write(good)
  await once(server, 'data')
  const block = Buffer.alloc(1 << 20, 'x')
  let taken = 0
  while (taken < 64 && server.write(block)) {
    taken++
  }
  expect(taken).toBeLessThan(64)
  server.end('the end')
  client.resume()
  await once(client, 'end')
  expect(heard.client.length).toBe((taken + 1) * block.length + 'the end'.length)
})

it('[RAW5] a client that vanishes is gone', async () => {
  const { client, server } = await connected(true)
  client.write(good)
  await once(server, 'data')
  client.resetAndDestroy()
  await once(server, 'close')
})
