/** Frames of HTTP/2 (RFC 9113 §6). */
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

/** A bit may mean something else with another type. */
export const Flag = {
  END_STREAM: 1,
  ACK: 1,
  END_HEADERS: 4,
  PADDED: 8,
  PRIORITY: 32,
} as const

/** RFC 9113 §7. */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const

/** With what every client opens (RFC 9113 §3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** Length (3 bytes) · type (1) · flags (1) · stream (4). */
export const FRAME_HEAD_BYTES = 9

/** Neither side sends longer frames unless told that it may; we tell nobody (RFC 9113 §4.2). */
export const FRAME_BYTES_MAX = 16_384

/** The connection cannot go on: `code` and the message are told in GOAWAY. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export function protocolError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, what)
}

/** Throws ConnectionError for a payload of another length. */
export function expectLength(payload: Uint8Array, length: number, name: string): void {
  if (payload.length !== length) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${name} of ${payload.length} bytes`)
  }
}

/** Throws ConnectionError for a frame of the connection that came on a stream. */
export function expectConnection(stream: number, name: string): void {
  if (stream !== 0) {
    throw protocolError(`${name} on stream ${stream}`)
  }
}
