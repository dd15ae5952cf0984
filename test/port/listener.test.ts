import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClientListener } from '../../src/port/listener.ts'

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

let listener: ClientListener
let port: number
let clients: Socket[]

beforeEach(async () => {
  listener = new ClientListener()
  port = await listener.bind({ host: '127.0.0.1', port: 0 }, { isPlain: true, tls: undefined })
  clients = []
})

afterEach(() => {
  listener.close()
  for (const client of clients) {
    client.destroy()
  }
})

/** Answers who got the connection, then everything that comes. */
const echo = (who: string) => (socket: Socket) => {
  socket.write(`${who}:`)
  socket.pipe(socket)
}

function serveEcho(): void {
  listener.serve({ http2: echo('http2'), http1: echo('http1') })
}

function dial(): Socket {
  const client = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  clients.push(client)
  return client
}

async function readAll(client: Socket): Promise<string> {
  let text = ''
  for await (const chunk of client) {
    text += String(chunk)
  }
  return text
}

describe('the client port', () => {
  it.each([
    ['GET / HTTP/1.1\r\n\r\n', 'http1'],
    ['POST / HTTP/1.1\r\n\r\n', 'http1'],
    ['PRI / HTTP/1.1\r\n\r\n', 'http1'],
    ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 'http1'],
    ['nonsense', 'http1'],
    [preface, 'http2'],
    [`${preface}and more`, 'http2'],
  ])('[PRT1] %j is %s, and reaches it whole', async (text, who) => {
    serveEcho()
    const client = dial()
    client.end(text)
    expect(await readAll(client)).toBe(`${who}:${text}`)
  })

  it('[PRT1] cuts anywhere in the preface change nothing', async () => {
    serveEcho()
    for (let cut = 1; cut < preface.length; cut++) {
      const client = dial()
      client.write(preface.slice(0, cut))
      // The rest goes after the first part was read, however the kernel groups them.
      await new Promise((resolve) => setTimeout(resolve, 2))
      client.end(`${preface.slice(cut)}rest`)
      expect(await readAll(client)).toBe(`http2:${preface}rest`)
    }
  })

  it('[PRT1] a preface that goes wrong late is HTTP/1.1', async () => {
    serveEcho()
    const client = dial()
    client.write(preface.slice(0, -1))
    await new Promise((resolve) => setTimeout(resolve, 2))
    client.end('x')
    expect(await readAll(client)).toBe(`http1:${preface.slice(0, -1)}x`)
  })

  it('[PRT1] a client that leaves before it has said what it speaks is let go', async () => {
    serveEcho()
    for (const text of ['', 'PRI']) {
      const client = dial()
      client.end(text)
      expect(await readAll(client)).toBe('')
    }
  })

  it('[PRT4] serves connections that came before it was ready', async () => {
    const [early, silent] = [dial(), dial()]
    early.end('GET / HTTP/1.1\r\n\r\n')
    await Promise.all([once(early, 'connect'), once(silent, 'connect')])
    await new Promise((resolve) => setTimeout(resolve, 20))
    serveEcho()
    expect(await readAll(early)).toBe('http1:GET / HTTP/1.1\r\n\r\n')
    silent.end(preface)
    expect(await readAll(silent)).toBe(`http2:${preface}`)
  })

  it('[PRT4] lets those go that still wait when it closes', async () => {
    const [spoken, silent] = [dial(), dial()]
    spoken.write('GET / HTTP/1.1\r\n\r\n')
    await Promise.all([once(spoken, 'connect'), once(silent, 'connect')])
    await new Promise((resolve) => setTimeout(resolve, 20))
    const ends = Promise.allSettled([readAll(spoken), readAll(silent)])
    listener.close()
    await ends
    await expect(once(dial(), 'connect')).rejects.toThrow('ECONNREFUSED')
  })
})
