import { connect, type Socket } from 'node:net'
import { type AnswerParts, ResponseReader } from './response-reader.ts'

/** A keep-alive connection. An answer that is not 200, and a cut, destroy it with an error. */
export class Connection {
  readonly #socket: Socket

  constructor(url: string, parts: Omit<AnswerParts, 'head'>, failed: (error: Error) => void) {
    const { hostname, port } = new URL(url)
    let status = 0
    const reader = new ResponseReader({
      head: (answered) => {
        status = answered
      },
      body: (piece) => {
        if (status !== 200) {
          throw new Error(`answered ${status}: ${piece.toString()}`)
        }
        parts.body(piece)
      },
      end: () => parts.end(),
    })
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#socket.on('data', (received) => {
      try {
        reader.push(received)
      } catch (error) {
        this.#socket.destroy(error instanceof Error ? error : new Error(String(error)))
      }
    })
    this.#socket.on('error', failed)
    this.#socket.on('end', () => failed(new Error('the server closed the connection')))
  }

  send(request: Buffer): void {
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.removeAllListeners('end')
    this.#socket.destroy()
  }
}

/** The bytes of a POST request. */
export function post(url: string, path: string, body: string): Buffer {
  return requestBytes(url, `POST ${path}`, { type: 'application/json', body })
}

/** The bytes of a PUT request that carries a form. */
export function putForm(url: string, path: string, body: string): Buffer {
  return requestBytes(url, `PUT ${path}`, { type: 'application/x-www-form-urlencoded', body })
}

function requestBytes(
  url: string,
  target: string,
  { type, body }: { readonly type: string; readonly body: string },
): Buffer {
  return Buffer.from(
    [
      `${target} HTTP/1.1`,
      `Host: ${new URL(url).host}`,
      `Content-Type: ${type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `\r\n${body}`,
    ].join('\r\n'),
  )
}
