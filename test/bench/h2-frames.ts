// The frames of HTTP/2 (RFC 9113, section 6), as far as a client of unary calls needs them.

export const Type = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const

export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8 } as const

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

const HEAD_BYTES = 9

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, HEAD_BYTES)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Takes pieces that were cut anywhere and gives whole frames. */
export class FrameReader {
  readonly #take: (frame: Frame) => void
  #unread: Buffer = Buffer.alloc(0)

  constructor(take: (frame: Frame) => void) {
    this.#take = take
  }

  push(piece: Buffer): void {
    const data = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece])
    let at = 0
    while (data.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + data.readUIntBE(at, 3)
      if (data.length < end) {
        break
      }
      this.#take({
        type: data[at + 3] ?? 0,
        flags: data[at + 4] ?? 0,
        stream: data.readUInt32BE(at + 5),
        payload: data.subarray(at + HEAD_BYTES, end),
      })
      at = end
    }
    this.#unread = data.subarray(at)
  }
}
