import { randomFillSync } from 'node:crypto'

/** RFC 6455 §5.2. */
export const Opcode = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const

/** The head of the longest frame that a client sends. */
export const HEAD_BYTES_MAX = 14

const FINAL = 0x80
const MASKED = 0x80
const MASK_BYTES = 4
/** In place of a length that does not fit into 7 bits, and of one that does not fit into 16. */
const LENGTH_16 = 126
const LENGTH_64 = 127

/**
 * Makes a whole frame of a client of a payload that has HEAD_BYTES_MAX bytes of room before it. Answers
 * where in them it begins.
 *
 * A mask keeps proxies on the way from being misled (§10.3). Where there is none, it may be of zeros, which
 * cost no pass over the bytes.
 */
export function writeHead(bytes: Uint8Array, opcode: number, isMasked: boolean): number {
  const length = bytes.length - HEAD_BYTES_MAX
  let at = HEAD_BYTES_MAX - MASK_BYTES
  if (isMasked) {
    randomFillSync(bytes, at, MASK_BYTES)
    for (let i = 0; i < length; i++) {
      const place = HEAD_BYTES_MAX + i
      bytes[place] = (bytes[place] ?? 0) ^ (bytes[at + (i & 3)] ?? 0)
    }
  } else {
    bytes.fill(0, at, HEAD_BYTES_MAX)
  }
  if (length < LENGTH_16) {
    bytes[--at] = MASKED | length
  } else if (length <= 0xffff) {
    bytes[--at] = length
    bytes[--at] = length >> 8
    bytes[--at] = MASKED | LENGTH_16
  } else {
    bytes[--at] = length
    bytes[--at] = length >> 8
    bytes[--at] = length >> 16
    bytes[--at] = length >>> 24
    // No message is 4 GiB long.
    bytes.fill(0, at - 4, at)
    at -= 4
    bytes[--at] = MASKED | LENGTH_64
  }
  bytes[--at] = FINAL | opcode
  return at
}

/** What the head of a server's frame says. */
export interface FrameHead {
  readonly isFinal: boolean
  readonly opcode: number
  readonly headBytes: number
  readonly payloadBytes: number
}

/** The peer sent what is no frame of a server. */
export class WebSocketError extends Error {
  override readonly name = 'WebSocketError'
}

/** How many bytes the head has that begins with these two. */
export function headBytes(second: number): number {
  const length = second & 0x7f
  return length < LENGTH_16 ? 2 : length === LENGTH_16 ? 4 : 10
}

/** The whole head is there. Throws WebSocketError. */
export function readHead(bytes: Buffer, at: number): FrameHead {
  const first = bytes.readUInt8(at)
  const second = bytes.readUInt8(at + 1)
  if ((first & 0x70) !== 0) {
    throw new WebSocketError('a frame of an extension that nobody asked for')
  }
  if ((second & MASKED) !== 0) {
    throw new WebSocketError('a masked frame')
  }
  const length = second & 0x7f
  const payloadBytes =
    length < LENGTH_16
      ? length
      : length === LENGTH_16
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2))
  const isFinal = (first & FINAL) !== 0
  return { isFinal, opcode: first & 0x0f, headBytes: headBytes(second), payloadBytes }
}
