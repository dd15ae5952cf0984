import type { Settings } from '../config/settings.ts'
import { sizeOf } from '../protocol/binary.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { GRPC_OVERHEAD_BYTES } from '../protocol/request-size.ts'
import { Code, RpcStatus } from '../protocol/status.ts'

/**
 * How large the JSON of a message may be compared with the message: base64 adds a third, field
 * names and whitespace what they like. etcd itself reads a body whatever its size.
 */
const JSON_EXPANSION = 4

/** The longest message that etcd's gRPC server takes. */
export function messageBytesMax(settings: Settings): number {
  return settings.maxRequestBytes + GRPC_OVERHEAD_BYTES
}

/** The longest body, or value of a stream, that is read at all. */
export function jsonBytesMax(settings: Settings): number {
  return messageBytesMax(settings) * JSON_EXPANSION
}

/** Throws what grpc-go answers to a message of that many bytes, if they are too many. */
export function requireReceivable(size: number, settings: Settings): void {
  const max = messageBytesMax(settings)
  if (size > max) {
    const text = `grpc: received message larger than max (${size} vs. ${max})`
    throw new RpcStatus(Code.RESOURCE_EXHAUSTED, text)
  }
}

/** The same for a decoded message, which is only measured if its JSON is long enough to matter. */
export function requireReceivableMessage<T extends object>(
  type: MessageType<T>,
  message: T,
  jsonBytes: number,
  settings: Settings,
): void {
  if (jsonBytes * JSON_EXPANSION > messageBytesMax(settings)) {
    requireReceivable(sizeOf(type, message), settings)
  }
}
