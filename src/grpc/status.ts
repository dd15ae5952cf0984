import type { Field } from '../h2/field.ts'
import { Code, RpcStatus } from '../protocol/status.ts'

/** grpc-go sends an empty message with OK as well. */
const okTrailers: readonly Field[] = [
  { name: 'grpc-status', value: '0' },
  { name: 'grpc-message', value: '' },
]

/** The headers that end a call: well without a status. */
export function trailersOf(status: RpcStatus | undefined): readonly Field[] {
  return status === undefined
    ? okTrailers
    : [
        { name: 'grpc-status', value: String(status.code) },
        { name: 'grpc-message', value: percentEncoded(status.message) },
      ]
}

/** Upstreams fail with a status; whatever else is thrown is a fault of ours, which clients cannot mend. */
export function statusOfError(error: unknown): RpcStatus {
  return error instanceof RpcStatus ? error : new RpcStatus(Code.UNKNOWN, String(error))
}

const plain = /^[ -$&-~]*$/

/** Printable ASCII stays as it is, but for the percent sign. */
function percentEncoded(message: string): string {
  if (plain.test(message)) {
    return message
  }
  let text = ''
  for (const byte of Buffer.from(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    text += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

const ofUnary = 'grpc: error unmarshalling request: '
const ofStream = 'grpc: failed to unmarshal the received message: '

/** grpc-go has other words for a request that is no protobuf where calls are streams. */
export function inStreamWords(error: Error | undefined): Error | undefined {
  return error instanceof RpcStatus &&
    error.code === Code.INTERNAL &&
    error.message.startsWith(ofUnary)
    ? new RpcStatus(Code.INTERNAL, ofStream + error.message.slice(ofUnary.length))
    : error
}
