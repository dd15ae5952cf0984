import { gunzipSync, gzipSync } from 'node:zlib'
import { Code, RpcStatus } from '../protocol/status.ts'

/**
 * Longer messages go out as they are, which the flag before each message allows: gzip would hold up
 * everybody for their sake, and hold them twice.
 */
const GZIP_BYTES_MAX = 256 * 1024

/** The message compressed; undefined where it is better sent as it is. */
export function gzipped(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length === 0 || length > GZIP_BYTES_MAX) {
    return undefined
  }
  const [first] = parts
  return gzipSync(parts.length === 1 && first !== undefined ? first : Buffer.concat(parts))
}

/** Throws RpcStatus, in grpc-go's words, for what is no gzip and for what does not fit. */
export function gunzipped(message: Uint8Array, bytesMax: number): Uint8Array {
  const flaw = headFlaw(message)
  if (flaw !== undefined) {
    throw new RpcStatus(Code.INTERNAL, `grpc: failed to decompress the message: ${flaw}`)
  }
  try {
    return gunzipSync(message, { maxOutputLength: bytesMax })
  } catch (error) {
    throw bodyFlaw(error, bytesMax)
  }
}

const GZIP_HEAD_BYTES = 10

function headFlaw(message: Uint8Array): string | undefined {
  if (message.length === 0) {
    return 'EOF'
  }
  if (message.length < GZIP_HEAD_BYTES) {
    return 'unexpected EOF'
  }
  const isGzip = message[0] === 0x1f && message[1] === 0x8b && message[2] === 8
  return isGzip ? undefined : 'gzip: invalid header'
}

function bodyFlaw(error: unknown, bytesMax: number): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ERR_BUFFER_TOO_LARGE':
      return new RpcStatus(
        Code.RESOURCE_EXHAUSTED,
        `grpc: received message after decompression larger than max ${bytesMax}`,
      )
    case 'Z_BUF_ERROR':
      return unreadable('unexpected EOF')
    case 'Z_DATA_ERROR':
      return unreadable(/incorrect .* check/.test(message) ? 'gzip: invalid checksum' : message)
    default:
      return error
  }
}

function unreadable(why: string): RpcStatus {
  return new RpcStatus(Code.INTERNAL, `grpc: failed to read decompressed data: ${why}`)
}
