import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'

export const FRAME_HEAD_BYTES = 5
/** A client that waits for window updates would be what is measured. */
const WINDOW_BYTES = 16 * 1024 * 1024

interface AnswerListener {
  /** A piece of the answer, wherever the network cut it. */
  received(piece: Buffer): void
  ended(): void
  /** By the network, or with another status than 0. */
  failed(error: Error): void
}

/** A message behind its length, as gRPC sends it. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(FRAME_HEAD_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, FRAME_HEAD_BYTES)
  return frame
}

/** The least that speaks gRPC: on two cores a full client would cost as much as a server. */
export class GrpcConnection {
  readonly #session: ClientHttp2Session
  readonly #token: string | undefined

  /** `token` is shown with each call. */
  constructor(url: string, failed: (error: Error) => void, token?: string) {
    this.#token = token
    this.#session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES } })
    this.#session.once('connect', () => this.#session.setLocalWindowSize(WINDOW_BYTES))
    this.#session.on('error', failed)
  }

  /** Calls a method with one request. */
  call(method: string, frame: Buffer, heard: AnswerListener): void {
    this.open(method, heard).end(frame)
  }

  /** A call to which requests are written one by one. */
  open(method: string, heard: AnswerListener): ClientHttp2Stream {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      'te': 'trailers',
      ...(this.#token !== undefined && { token: this.#token }),
    })
    let status: string | undefined
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      const told = headers['grpc-status']
      status ??=
        told === undefined ? undefined : `${String(told)} ${String(headers['grpc-message'])}`
    }
    stream.on('response', read)
    stream.on('trailers', read)
    stream.on('data', (piece: Buffer) => heard.received(piece))
    stream.on('error', (error: Error) => heard.failed(error))
    stream.on('end', () => {
      if (status?.startsWith('0 ') === true) {
        heard.ended()
      } else {
        heard.failed(new Error(`${method} ended with ${status ?? 'no status'}`))
      }
    })
    return stream
  }

  close(): void {
    this.#session.destroy()
  }
}

/** Takes pieces that were cut anywhere and gives whole messages. */
export function messageReader(take: (message: Buffer) => void): (piece: Buffer) => void {
  let unread: Buffer = Buffer.alloc(0)
  return (piece) => {
    unread = unread.length === 0 ? piece : Buffer.concat([unread, piece])
    while (unread.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + unread.readUInt32BE(1)
      if (unread.length < end) {
        return
      }
      take(unread.subarray(FRAME_HEAD_BYTES, end))
      unread = unread.subarray(end)
    }
  }
}
