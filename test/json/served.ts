import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { parseSettings } from '../../src/config/settings.ts'
import { JsonServer } from '../../src/json/server.ts'
import type { AnswerReader } from '../../src/link/upstream.ts'
import type { LinkCall } from '../../src/protocol/v2-wire.ts'

/** A call as the upstream sees it. */
export interface Asked {
  readonly call: LinkCall
  readonly reader: AnswerReader
  taken: number
  isCanceled: boolean
}

/** A connection that was handed over. */
export interface HandedOver {
  readonly socket: Socket
  readonly unread: string
}

/** A JSON server with nothing behind it but what the test says. */
export class JsonServed {
  readonly asked: Asked[] = []
  readonly handedOver: HandedOver[] = []
  readonly log: string[] = []
  readonly server: JsonServer
  readonly #port: Server
  /** Told of each call. */
  answer: (asked: Asked) => void = () => undefined

  static async start(variables: object = {}, othersHaveOrigins = false): Promise<JsonServed> {
    const served = new JsonServed(variables, othersHaveOrigins)
    await once(served.#port.listen(0, '127.0.0.1'), 'listening')
    return served
  }

  private constructor(variables: object, othersHaveOrigins: boolean) {
    this.server = new JsonServer({
      upstream: { ask: (call, reader) => this.#ask(call, reader) },
      settings: parseSettings({ EMBEDDED: 'true', ...variables }),
      others: (socket, _, unread) => {
        this.handedOver.push({ socket, unread: unread.toString('latin1') })
      },
      othersHaveOrigins,
      counts: { unary: 0 },
      log: (_, message, { error = '' }) => this.log.push(`${message}: ${error.split('\n')[0]}`),
    })
    this.#port = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
      this.server.accept(socket, false, undefined)
    })
    onTestFinished(() => void this.#port.close())
  }

  #ask(call: LinkCall, reader: AnswerReader): { taken(bytes: number): void; cancel(): void } {
    const asked: Asked = { call, reader, taken: 0, isCanceled: false }
    this.asked.push(asked)
    queueMicrotask(() => this.answer(asked))
    return {
      taken: (bytes) => {
        asked.taken += bytes
      },
      cancel: () => {
        asked.isCanceled = true
      },
    }
  }

  async client(): Promise<Client> {
    const { port } = this.#port.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return new Client(socket)
  }
}

/** A connection that keeps what it hears. */
export class Client {
  readonly socket: Socket
  #heard = ''
  isEnded = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data) => {
      this.#heard += data.toString('utf8')
    })
    socket.on('end', () => {
      this.isEnded = true
    })
  }

  /** With dates replaced. */
  get heard(): string {
    return this.#heard.replaceAll(/(?<=\r\nDate: )[^\r]+ GMT(?=\r\n)/g, '(now)')
  }

  say(text: string): void {
    this.socket.write(text)
  }
}

export function post(path: string, body: string, ...fields: readonly string[]): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return [`POST ${path} HTTP/1.1`, 'Host: a', ...fields, length, '', body].join('\r\n')
}

/** Waits until a condition holds, which is the test's to fail by its own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
