import * as z from 'zod'
import { freeBytes } from '../mvcc/free-bytes.ts'
import { rpcMethods } from './generated/services.ts'
import type { CallContext } from './shard-rpc.ts'
import { V2_METHOD } from './v2-wire.ts'

/**
 * What travels between a client of the shard (gateway or bridge) and the shard over their
 * WebSocket: many gRPC-like calls share it. A binary message is a run of frames:
 *
 *   version (1 byte) · kind (1 byte) · stream (4 bytes, big-endian) · length (4 bytes) · payload
 *
 * The client opens streams under numbers of its choice, and may give a number again once its stream
 * has ended.
 *
 * - CALL is a whole call with one request. The shard ends it with ANSWER, which carries the status and
 *   the response. A long response comes in parts: DATA for each, the last one in ANSWER. The parts of
 *   a unary response in a row are its protobuf; those of a server stream are its messages, and an
 *   empty last one is none.
 * - OPEN begins a call of many requests. DATA carries a protobuf message of the method's request or
 *   response type, and END closes the stream: from the shard it carries the status.
 * - END from the client cancels either.
 * - LENGTH from the client asks how long the whole response is of which parts have come, and the shard says
 *   it before the next part. A response that ends before is not measured.
 * - CREDIT tells the shard how many bytes of DATA the reader has taken; the shard stops sending on a
 *   stream that is a window behind, and goes on from its log when there is credit again.
 * - PROBE asks whether the shard is there, and is sent back as it came.
 * - LEAVE from the shard asks for no more on this socket: what was sent is answered, and then the client closes
 *   it. A node of a cluster that is to stop sends it to the shard, which passes it on to the other nodes where
 *   it runs on that one, and sends it back when they have left. A replica sends it to whom the leader has served
 *   through it when it serves by itself.
 */
const FRAME_VERSION = 2

/** The subprotocol that the handshake names. */
export const SESSION_PROTOCOL = `etcdurable.frames.${FRAME_VERSION}`

export const FrameKind = {
  OPEN: 1,
  DATA: 2,
  END: 3,
  CREDIT: 4,
  CALL: 5,
  ANSWER: 6,
  LENGTH: 7,
  PROBE: 8,
  LEAVE: 9,
} as const

export interface Frame {
  readonly kind: number
  readonly stream: number
  /** OPEN, CALL: see `encodeCall`. CREDIT: a count of 4 bytes. LENGTH from the shard: one of 8. END: see `encodeEnd`. ANSWER: see `responseFrame`. */
  readonly payload: Uint8Array
  /** In a frame that is sent: the payload's beginning, so that the rest need not be copied behind it. */
  readonly head?: Uint8Array
  /** The payload is made by `encodeBehind` with `HEAD_BYTES`, so that a long one need not be copied at all. */
  readonly hasRoom?: boolean
}

/** The bytes of DATA that may be on their way to a reader before it gives credit. */
export const CREDIT_WINDOW_BYTES = 1024 * 1024

/** Of a frame, before its payload. */
export const HEAD_BYTES = 10
/** Of a payload that leaves alone, where it has room for its head. */
const ALONE_BYTES_MIN = 64 * 1024

/** A Durable Object takes messages of 32 MiB, and a frame alone may come to 30.5 (config/request-bytes.ts). */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

const noBytes = new Uint8Array(0)

/** The peer speaks another version, or sent what is no frame: the socket is of no use any more. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** The frames in as few messages as they may leave in, but for long ones that need not be copied. */
export function messagesOf(
  frames: readonly Frame[],
  bytesMax = MESSAGE_BYTES_MAX,
): readonly (readonly Frame[])[] {
  const messages: (readonly Frame[])[] = []
  let first = 0
  let bytes = 0
  let index = 0
  let wasAlone = false
  for (const { payload, hasRoom = false } of frames) {
    const isAlone = hasRoom && payload.length >= ALONE_BYTES_MIN
    if (index > first && (isAlone || wasAlone || bytes + payload.length > bytesMax)) {
      messages.push(frames.slice(first, index))
      first = index
      bytes = 0
    }
    bytes += payload.length
    index++
    wasAlone = isAlone
  }
  return first === 0 ? [frames] : [...messages, frames.slice(first)]
}

export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  const [only] = frames
  if (only?.hasRoom === true && frames.length === 1) {
    const bytes = new Uint8Array(only.payload.buffer)
    writeHead(bytes, 0, only)
    return bytes
  }
  let size = 0
  for (const { head = noBytes, payload } of frames) {
    size += HEAD_BYTES + head.length + payload.length
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const frame of frames) {
    const { head = noBytes, payload } = frame
    writeHead(bytes, offset, frame)
    offset += HEAD_BYTES
    for (const byte of head) {
      bytes[offset++] = byte
    }
    bytes.set(payload, offset)
    offset += payload.length
  }
  return bytes
}

function writeHead(bytes: Uint8Array, at: number, frame: Frame): void {
  const { kind, stream, head = noBytes, payload } = frame
  bytes[at] = FRAME_VERSION
  bytes[at + 1] = kind
  writeUint32(bytes, at + 2, stream)
  writeUint32(bytes, at + 6, head.length + payload.length)
}

/** Payloads are views of `bytes`. */
export function decodeFrames(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  let offset = 0
  while (offset < bytes.length) {
    if (bytes.length - offset < HEAD_BYTES) {
      throw new FrameError(`a frame's head is cut off after ${bytes.length - offset} bytes`)
    }
    if (bytes[offset] !== FRAME_VERSION) {
      throw new FrameError(`frame version ${bytes[offset]}, this side speaks ${FRAME_VERSION}`)
    }
    const end = offset + HEAD_BYTES + readUint32(bytes, offset + 6)
    if (end > bytes.length) {
      throw new FrameError(`a frame's payload is cut off by ${end - bytes.length} bytes`)
    }
    const payload = bytes.subarray(offset + HEAD_BYTES, end)
    frames.push({ kind: bytes[offset + 1] ?? 0, stream: readUint32(bytes, offset + 2), payload })
    offset = end
  }
  return frames
}

/** Shorter ones are V8's to collect. */
const RELEASED_BYTES_MIN = 64 * 1024

/** Gives back at once what a long payload is in, where its frame is all of that: nobody may look at it any more. */
export function releasePayload({ buffer, byteOffset, length }: Uint8Array): void {
  const isAll = byteOffset === HEAD_BYTES && HEAD_BYTES + length === buffer.byteLength
  if (isAll && length >= RELEASED_BYTES_MIN) {
    freeBytes(new Uint8Array(buffer))
  }
}

/** A DataView would be one more object for each message. */
function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function readUint32(bytes: Uint8Array, at: number): number {
  const upper = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  const lower = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
  return ((upper << 16) | lower) >>> 0
}

export function encodeCredit(taken: number): Uint8Array {
  const payload = new Uint8Array(4)
  writeUint32(payload, 0, taken)
  return payload
}

export function decodeCredit(payload: Uint8Array): number {
  if (payload.length !== 4) {
    throw new FrameError(`a credit of ${payload.length} bytes`)
  }
  return readUint32(payload, 0)
}

export function encodeLength(bytes: number): Uint8Array {
  const payload = new Uint8Array(8)
  writeUint32(payload, 0, Math.floor(bytes / 2 ** 32))
  writeUint32(payload, 4, bytes % 2 ** 32)
  return payload
}

export function decodeLength(payload: Uint8Array): number {
  if (payload.length !== 8) {
    throw new FrameError(`a length of ${payload.length} bytes`)
  }
  return readUint32(payload, 0) * 2 ** 32 + readUint32(payload, 4)
}

/**
 * Whoever is at the other end of a socket speaks for clients and never as the server, and is who the
 * gateway said that they are: a client may show a token of its own.
 */
const callContext = z.object({
  origin: z.string().optional(),
  token: z.string().optional(),
  accessToken: z.string().optional(),
  commonName: z.string().optional(),
  certified: z.boolean().optional(),
  minRevision: z.int().min(0).optional(),
})

/** A `Call` as OPEN and CALL say it: its method may be none that is known, and OPEN has no request. */
export interface CallFrame {
  readonly method: string
  readonly context: CallContext
  /** A protobuf message of the method's request type. */
  readonly request: Uint8Array
}

const text = new TextEncoder()
const utf8 = new TextDecoder()

interface KnownMethod {
  readonly name: string
  readonly bytes: Uint8Array
}

const methodsOfLength: KnownMethod[][] = []
for (const name of [...Object.keys(rpcMethods), V2_METHOD]) {
  ;(methodsOfLength[name.length] ??= []).push({ name, bytes: text.encode(name) })
}

/**
 * The method (1 byte of length, ASCII), the context (2 bytes of length, JSON; empty when it says
 * nothing), then the request.
 */
export function encodeCall({ method, context, request }: CallFrame): Uint8Array {
  const name = encodedMethod(method)
  const said = isSilent(context) ? noBytes : text.encode(JSON.stringify(context))
  if (said.length > 0xffff) {
    throw new FrameError(`a context of ${said.length} bytes`)
  }
  const payload = new Uint8Array(3 + name.length + said.length + request.length)
  payload[0] = name.length
  payload.set(name, 1)
  let offset = 1 + name.length
  payload[offset] = said.length >> 8
  payload[offset + 1] = said.length & 0xff
  offset += 2
  payload.set(said, offset)
  payload.set(request, offset + said.length)
  return payload
}

/** JSON leaves out what is undefined. */
function isSilent(context: CallContext): boolean {
  return Object.values(context).every((value) => value === undefined)
}

/** The request is a view of the payload. */
export function decodeCall(payload: Uint8Array): CallFrame {
  const nameLength = payload[0] ?? 0
  const contextStart = 3 + nameLength
  const contextLength = ((payload[contextStart - 2] ?? 0) << 8) | (payload[contextStart - 1] ?? 0)
  const requestStart = contextStart + contextLength
  if (requestStart > payload.length) {
    throw new FrameError(`a call of ${payload.length} bytes is cut off`)
  }
  return {
    method: methodIn(payload, nameLength),
    context:
      contextLength === 0 ? noContext : decodeContext(payload.subarray(contextStart, requestStart)),
    request: payload.subarray(requestStart),
  }
}

const noContext: CallContext = {}

/**
 * Looked up by its bytes, because a TextDecoder takes longer than all else that is done to a small
 * call. The names found are those of the table, by which others find things faster than by an equal
 * string.
 */
function methodIn(payload: Uint8Array, nameLength: number): string {
  for (const method of methodsOfLength[nameLength] ?? []) {
    if (isNameOf(payload, method.bytes)) {
      return method.name
    }
  }
  return utf8.decode(payload.subarray(1, 1 + nameLength))
}

function isNameOf(payload: Uint8Array, name: Uint8Array): boolean {
  // Methods differ at their ends.
  for (let i = name.length; i > 0; i--) {
    if (payload[i] !== name[i - 1]) {
      return false
    }
  }
  return true
}

function decodeContext(json: Uint8Array): CallContext {
  try {
    return callContext.parse(JSON.parse(utf8.decode(json)))
  } catch (error) {
    throw new FrameError(`a context that is none: ${String(error)}`)
  }
}

/** The status that ends a stream: the gRPC code in one byte, then the message in UTF-8. */
export function encodeEnd(code: number, message: string): Uint8Array {
  const said = text.encode(message)
  const payload = new Uint8Array(1 + said.length)
  payload[0] = code
  payload.set(said, 1)
  return payload
}

export function decodeEnd(payload: Uint8Array): { code: number; message: string } {
  return { code: payload[0] ?? 0, message: utf8.decode(payload.subarray(1)) }
}

const codeOk = new Uint8Array(1)

/** An ANSWER that is no refusal: a zero, then the response or its last part. A refusal is as END. */
export function responseFrame(stream: number, response: Uint8Array): Frame {
  return { kind: FrameKind.ANSWER, stream, head: codeOk, payload: response }
}

/** Its whole payload, where nothing is gained by sending the zero apart. */
export function responsePayload(response: Uint8Array): Uint8Array {
  const payload = new Uint8Array(1 + response.length)
  payload.set(response, 1)
  return payload
}

const methodNames = new Map<string, Uint8Array>()

/** Encoded once each: there are few methods and many calls. */
function encodedMethod(method: string): Uint8Array {
  let name = methodNames.get(method)
  if (name === undefined) {
    name = text.encode(method)
    methodNames.set(method, name)
  }
  return name
}
