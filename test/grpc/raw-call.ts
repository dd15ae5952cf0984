// gRPC calls byte by byte, as no gRPC client would make them.
import {
  type ClientHttp2Session,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'

export interface RawCall {
  readonly path: string
  readonly method?: string
  /** Beside the content type; `undefined` takes that one away. */
  readonly headers?: OutgoingHttpHeaders
  /** The bodies of the DATA frames. */
  readonly body?: readonly Uint8Array[]
  /** The client does not end its side. */
  readonly open?: boolean
  /** The client resets the stream once so many messages are there. */
  readonly resetAfter?: number
}

/** What came back. Of the headers only what gRPC reads. */
export interface RawAnswer {
  readonly http: number | undefined
  readonly type: string | undefined
  readonly encoding: string | undefined
  /** In hexadecimal, prefix included. */
  readonly messages: readonly string[]
  readonly code: string | undefined
  readonly message: string | undefined
  /** The status came in the only block of headers. */
  readonly trailersOnly: boolean
  /** The code of RST_STREAM, 0 where none came. */
  readonly reset: number
}

export function rawCall(session: ClientHttp2Session, call: RawCall): Promise<RawAnswer> {
  const stream = session.request(
    {
      ':method': call.method ?? 'POST',
      ':path': call.path,
      'content-type': 'application/grpc',
      'te': 'trailers',
      ...call.headers,
    },
    { endStream: false },
  )
  let head: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders | undefined
  const chunks: Buffer[] = []
  stream.on('response', (headers) => {
    head = headers
  })
  stream.on('trailers', (headers) => {
    trailers = headers as IncomingHttpHeaders
  })
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (call.resetAfter !== undefined && messagesIn(chunks).length >= call.resetAfter) {
      stream.close(constants.NGHTTP2_CANCEL)
    }
  })
  for (const chunk of call.body ?? []) {
    stream.write(chunk)
  }
  if (call.open !== true) {
    stream.end()
  }
  return new Promise((resolve, reject) => {
    // A reset is an answer as well: 'close' follows and has the code.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_HTTP2_STREAM_ERROR') {
        reject(error)
      }
    })
    stream.on('close', () => {
      const last = trailers ?? head
      resolve({
        http: head[':status'] as number | undefined,
        type: head['content-type'],
        encoding: text(head['grpc-encoding']),
        messages: messagesIn(chunks),
        code: text(last['grpc-status']),
        message: text(last['grpc-message']),
        trailersOnly: trailers === undefined && head['grpc-status'] !== undefined,
        reset: stream.rstCode ?? 0,
      })
    })
  })
}

/** One message as it goes over the wire. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame[0] = flag
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

function messagesIn(chunks: readonly Buffer[]): string[] {
  const bytes = Buffer.concat(chunks)
  const messages: string[] = []
  for (let offset = 0; offset + 5 <= bytes.length;) {
    const end = offset + 5 + bytes.readUInt32BE(offset + 1)
    messages.push(bytes.subarray(offset, end).toString('hex'))
    offset = end
  }
  return messages
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join('|') : value
}
