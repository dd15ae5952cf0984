/**
 * The binary encoding. What is written is canonical: fields ascend, zeros are left out, which is
 * how etcd's own encoder writes and what HashKV relies on. What is read may be in any order, may
 * repeat itself and may hold fields that are not known here.
 */
import { decodeMessage } from './binary-decode.ts'
import { measure, write } from './binary-encode.ts'
import { measureDeep } from './binary-size.ts'
import type { MessageType } from './message-type.ts'
import { WireReader, WireWriter } from './wire.ts'

/**
 * Works its way down into sub-messages, so one that is nested a thousand deep overflows the stack.
 * Only a TxnRequest can be: check it before.
 */
export function encode<T extends object>(type: MessageType<T>, value: T): Uint8Array {
  return encodeBehind(0, type, value)
}

/** The same as a view that has so many bytes before it in its buffer, and none behind it. */
export function encodeBehind<T extends object>(
  roomBytes: number,
  type: MessageType<T>,
  value: T,
): Uint8Array {
  const sizes: number[] = []
  const size = measure(type, value, { sizes })
  const writer = new WireWriter(new Uint8Array(roomBytes + size), roomBytes)
  write(type, value, { writer, sizes, next: 0 })
  return roomBytes === 0 ? writer.bytes : writer.bytes.subarray(roomBytes)
}

/** The length of what `encode` would return, of any message however deep. */
export function sizeOf<T extends object>(type: MessageType<T>, value: T): number {
  return measureDeep(type, value)
}

/**
 * The bytes fields of the message are views of `bytes`: the caller leaves it alone as long as the
 * message is in use, and a structured clone of the message takes all of it along. Throws a WireError for what is no message of that type.
 */
export function decode<T extends object>(type: MessageType<T>, bytes: Uint8Array): T {
  return decodeMessage(type, new WireReader(bytes))
}
