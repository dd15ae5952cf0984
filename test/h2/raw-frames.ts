// HTTP/2 frame by frame (RFC 9113 §4.1), for what no HTTP/2 client would send.
import { connect, type Socket } from 'node:net'

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8 } as const

export interface RawFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(
  type: number,
  { flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Omit<RawFrame, 'type'>> = {},
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** What opens a connection. */
export const opening = Buffer.concat([preface, frame(FrameType.SETTINGS)])

export function callHeaderFields(path: string): Readonly<Record<string, string>> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'x',
    'content-type': 'application/grpc',
    'te': 'trailers',
  }
}

/** A HEADERS frame of a call. */
export function callHeaders(stream: number, path: string, flags = 0): Buffer {
  const payload = headerBlock(callHeaderFields(path))
  return frame(FrameType.HEADERS, { flags: flags | Flag.END_HEADERS, stream, payload })
}

/** Literals without indexing (RFC 7541 §6.2.2), names and values shorter than 127 bytes. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(headers).flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ])
  return Buffer.concat(parts)
}

export class RawConnection {
  readonly socket: Socket
  readonly frames: RawFrame[] = []
  isClosed = false
  #bytes: Buffer = Buffer.alloc(0)

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk) => this.#read(chunk))
    this.socket.on('close', () => {
      this.isClosed = true
    })
    // A server that has had enough may reset the connection: `isClosed` says so.
    this.socket.on('error', () => undefined)
  }

  /** Resolves once the system has taken the bytes, or the connection is gone. */
  send(...frames: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      if (this.isClosed) {
        resolve()
        return
      }
      this.socket.once('close', resolve)
      this.socket.write(Buffer.concat(frames), () => {
        this.socket.off('close', resolve)
        // A write to a broken connection fails at once, and its 'close' needs a turn.
        setImmediate(resolve)
      })
    })
  }

  ofType(type: number): RawFrame[] {
    return this.frames.filter((each) => each.type === type)
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < end) {
        return
      }
      this.frames.push({
        type: this.#bytes[3] ?? 0,
        flags: this.#bytes[4] ?? 0,
        stream: this.#bytes.readUInt32BE(5),
        payload: this.#bytes.subarray(9, end),
      })
      this.#bytes = this.#bytes.subarray(end)
    }
  }
}

/** The code and the text of GOAWAY. */
export function goawayOf({ payload }: RawFrame): { code: number; text: string } {
  return { code: payload.readUInt32BE(4), text: payload.toString('latin1', 8) }
}
