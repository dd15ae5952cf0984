import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { decodeFrames, encodeFrames, type Frame, FrameKind } from '../../src/protocol/frames.ts'
import { CLOSE_MOVED, MOVED_ELSEWHERE } from '../../src/protocol/session-close.ts'
import { LinkClient } from './client.ts'

const NOTHING = new Uint8Array(0)

/** A keyspace of which each socket tells what it was sent, and answers nothing by itself. */
class Keyspace {
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  readonly #sockets: PromiseWithResolvers<Socket>[] = []
  #opened = 0

  constructor() {
    this.#server.on('connection', (socket) => this.#at(this.#opened++).resolve(new Socket(socket)))
    onTestFinished(() => {
      this.#server.clients.forEach((socket) => socket.terminate())
      this.#server.close()
    })
  }

  async link(): Promise<LinkClient> {
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    const client = await LinkClient.start(`ws://127.0.0.1:${port}/session`)
    onTestFinished(() => client.link.close())
    return client
  }

  /** The first, the second, … that was opened. */
  socket(place: number): Promise<Socket> {
    return this.#at(place).promise
  }

  #at(place: number): PromiseWithResolvers<Socket> {
    return (this.#sockets[place] ??= Promise.withResolvers())
  }
}

class Socket {
  readonly frames: Frame[] = []
  readonly socket: WebSocket
  readonly closed: Promise<unknown>

  constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = once(socket, 'close')
    socket.on('message', (data) => this.frames.push(...decodeFrames(data as Buffer)))
  }

  send(kind: Frame['kind'], stream = 0, payload = NOTHING): void {
    this.socket.send(encodeFrames([{ kind, stream, payload }]))
  }

  /** Resolves when all that was sent has arrived. */
  async heard(): Promise<void> {
    this.socket.ping()
    await once(this.socket, 'pong')
  }

  async called(): Promise<Frame> {
    for (;;) {
      const call = this.frames.find(({ kind }) => kind === FrameKind.CALL)
      if (call !== undefined) {
        return call
      }
      await once(this.socket, 'message')
    }
  }

  answer({ stream }: Frame): void {
    this.send(FrameKind.ANSWER, stream, Uint8Array.of(0))
  }
}

const put = { key: Uint8Array.of(1) }

it('[LNK33] a keyspace that asks to be left gets no more calls, and answers those that it has', async () => {
  const keyspace = new Keyspace()
  const client = await keyspace.link()
  const first = await keyspace.socket(0)
  const before = client.call('/etcdserverpb.KV/Put', put)
  const call = await first.called()
  first.send(FrameKind.LEAVE)
  await first.heard()
  const after = client.call('/etcdserverpb.KV/Put', put)
  first.answer(call)
  await expect(before).resolves.toBeDefined()
  await first.closed
  expect(first.frames).toHaveLength(1)
  const next = await keyspace.socket(2)
  next.answer(await next.called())
  await expect(after).resolves.toBeDefined()
})

it.for([
  ['was left', (socket: Socket) => socket.send(FrameKind.LEAVE)],
  ['has moved', ({ socket }: Socket) => socket.close(CLOSE_MOVED, MOVED_ELSEWHERE)],
] as const)(
  '[LNK33] the first connection behind one that %s finds the keyspace, and nothing but the next carries calls',
  async ([, end]) => {
    const keyspace = new Keyspace()
    const client = await keyspace.link()
    const first = await keyspace.socket(0)
    end(first)
    await first.closed
    const asked = client.call('/etcdserverpb.KV/Put', put)
    const found = await keyspace.socket(1)
    await found.closed
    expect(found.frames).toEqual([])
    const next = await keyspace.socket(2)
    next.answer(await next.called())
    await expect(asked).resolves.toBeDefined()
  },
)

it('[LNK33] one that was lost is used as soon as it is there again', async () => {
  const keyspace = new Keyspace()
  const client = await keyspace.link()
  const first = await keyspace.socket(0)
  first.socket.terminate()
  await client.lost(1)
  const asked = client.call('/etcdserverpb.KV/Put', put)
  const next = await keyspace.socket(1)
  next.answer(await next.called())
  await expect(asked).resolves.toBeDefined()
})
