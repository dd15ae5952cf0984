import type { StreamHandle, StreamReader } from '../link/upstream.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { WireError, WireReader, WireType } from '../protocol/wire.ts'

/** ServingStatus of grpc.health.v1. */
const Serving = { SERVING: 1, SERVICE_UNKNOWN: 3 } as const

/**
 * grpc.health.v1.Health as etcd has it (api/v3rpc/grpc.go): the server as a whole, whose name is empty,
 * is SERVING, and etcd's services are not told of one by one. Whether the keyspace can be reached is
 * what calls tell, and /health.
 */
export function checkHealth(request: Uint8Array): Uint8Array {
  if (requestedService(request) !== '') {
    throw new RpcStatus(Code.NOT_FOUND, 'unknown service')
  }
  return checkResponse(Serving.SERVING)
}

/** A map with one entry, from the empty name to a HealthCheckResponse. */
export function listHealth(): Uint8Array {
  const response = checkResponse(Serving.SERVING)
  const entry = [0x0a, 0, 0x12, response.length, ...response]
  return new Uint8Array([0x0a, entry.length, ...entry])
}

/** Tells the status once, for it does not change. */
export function watchHealth(request: Uint8Array, reader: StreamReader): StreamHandle {
  try {
    const isKnown = requestedService(request) === ''
    reader.received(checkResponse(isKnown ? Serving.SERVING : Serving.SERVICE_UNKNOWN))
  } catch (error) {
    if (!(error instanceof RpcStatus)) {
      throw error
    }
    reader.ended(error)
  }
  return { taken: () => undefined, cancel: () => undefined }
}

function checkResponse(status: number): Uint8Array {
  return new Uint8Array([0x08, status])
}

const SERVICE_TAG = 8 + WireType.BYTES
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Of a HealthCheckRequest. */
function requestedService(request: Uint8Array): string {
  let service: Uint8Array = new Uint8Array(0)
  try {
    const reader = new WireReader(request)
    while (reader.position < reader.end) {
      const tag = reader.tag()
      if (tag === SERVICE_TAG) {
        service = reader.view()
      } else {
        reader.skip(tag)
      }
    }
  } catch (error) {
    throw error instanceof WireError
      ? unreadable('proto: cannot parse invalid wire-format data')
      : error
  }
  try {
    return utf8.decode(service)
  } catch (error) {
    throw error instanceof TypeError ? unreadable('string field contains invalid UTF-8') : error
  }
}

function unreadable(why: string): RpcStatus {
  return new RpcStatus(Code.INTERNAL, `grpc: error unmarshalling request: ${why}`)
}
