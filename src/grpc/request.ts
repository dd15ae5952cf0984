import { isUtf8 } from 'node:buffer'
import type { H2Request, RequestHeaders } from '../h2/request.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { binaryHeaderFlaw } from './binary-header.ts'
import { quoteText, readTimeout } from './timeout.ts'

/** What the headers of a call say, besides its method. */
export interface GrpcRequest {
  readonly contentType: string
  /** Of the requests, and then of the responses as well. */
  readonly isGzip: boolean
  /** undefined waits for ever. */
  readonly timeoutMs: number | undefined
  readonly context: CallContext
  readonly requireLeader: boolean
}

/** A call that ends before it begins. */
export interface GrpcRefusal {
  readonly httpStatus: number
  readonly contentType: string
  readonly refused: RpcStatus
}

const CONTENT_TYPE = 'application/grpc'

/** With the checks of grpc-go's server transport, in its order (internal/transport/http2_server.go). */
export function readRequest(
  { headers, fields }: H2Request,
  context: CallContext,
): GrpcRequest | GrpcRefusal {
  const given = headers['content-type'] ?? ''
  const contentType = answerType(given)
  const hosts = fields.filter(({ name }) => name === 'host').length
  if (hosts > 1) {
    const authorities = headers[':authority'] === undefined ? 0 : 1
    const message = `num values of :authority: ${authorities}, num values of host: ${hosts}, both must only have 1 value as per HTTP/2 spec`
    const refused = new RpcStatus(Code.INTERNAL, message)
    return { httpStatus: 400, contentType: contentType ?? CONTENT_TYPE, refused }
  }
  if (contentType === undefined) {
    const message = `invalid gRPC request content-type ${quoteText(given)}`
    const refused = new RpcStatus(Code.INVALID_ARGUMENT, message)
    return { httpStatus: 415, contentType: CONTENT_TYPE, refused }
  }
  const timeout = headers['grpc-timeout']
  const limit = timeout === undefined ? undefined : readTimeout(timeout)
  if (limit !== undefined && 'malformed' in limit) {
    return malformed(contentType, `grpc-timeout: ${limit.malformed}`)
  }
  const binary = malformedBinary(fields)
  if (binary !== undefined) {
    return malformed(contentType, `binary metadata ${binary}`)
  }
  const method = headers[':method'] ?? ''
  if (method !== 'POST') {
    const message = `Received a HEADERS frame with :method ${quoteText(method)} which should be POST`
    return { httpStatus: 405, contentType, refused: new RpcStatus(Code.INTERNAL, message) }
  }
  if (limit?.ms === 0) {
    return { httpStatus: 200, contentType, refused: deadlineExceeded() }
  }
  return {
    contentType,
    isGzip: headers['grpc-encoding'] === 'gzip',
    timeoutMs: limit?.ms,
    context,
    requireLeader: headers['hasleader'] === 'true',
  }
}

function malformed(contentType: string, what: string): GrpcRefusal {
  const refused = new RpcStatus(Code.INTERNAL, `malformed ${what}`)
  return { httpStatus: 400, contentType, refused }
}

function malformedBinary(fields: H2Request['fields']): string | undefined {
  for (const { name, value } of fields) {
    const flaw = name.endsWith('-bin') ? binaryHeaderFlaw(value) : undefined
    if (flaw !== undefined) {
      const where = `${quoteText(value)} in header ${quoteText(name)}`
      return `${where}: illegal base64 data at input byte ${flaw}`
    }
  }
  return undefined
}

/** What a known method refuses of the headers: a compression that is not here, and etcd's own check. */
export function refusalByMethod(headers: RequestHeaders): RpcStatus | undefined {
  const encoding = headers['grpc-encoding'] ?? ''
  if (encoding !== '' && encoding !== 'identity' && encoding !== 'gzip') {
    const message = `grpc: Decompressor is not installed for grpc-encoding ${quoteText(encoding)}`
    return new RpcStatus(Code.UNIMPLEMENTED, message)
  }
  const version = headers['client-api-version'] ?? ''
  return isUtf8Text(version) ? undefined : statusOf('invalid-client-api-version')
}

/** A path that names no method of ours. `services` are those that have others. */
export function unknownMethod(path: string, services: ReadonlySet<string>): RpcStatus {
  const last = path.lastIndexOf('/')
  if (!path.startsWith('/') || last === 0) {
    return new RpcStatus(Code.UNIMPLEMENTED, `malformed method name: ${quoteText(path)}`)
  }
  const service = path.slice(1, last)
  const message = services.has(service)
    ? `unknown method ${path.slice(last + 1)} for service ${service}`
    : `unknown service ${service}`
  return new RpcStatus(Code.UNIMPLEMENTED, Buffer.from(message, 'latin1').toString())
}

/** Not etcd's own text, which is of a deadline that the server has set. */
export function deadlineExceeded(): RpcStatus {
  return new RpcStatus(Code.DEADLINE_EXCEEDED, 'context deadline exceeded')
}

/** What is behind `application/grpc` comes back behind a plus sign, whatever it is. */
function answerType(given: string): string | undefined {
  if (given === CONTENT_TYPE) {
    return given
  }
  const isSubtype = /^application\/grpc[+;]/.test(given)
  const subtype = given.slice(CONTENT_TYPE.length + 1)
  return isSubtype ? (subtype === '' ? CONTENT_TYPE : `${CONTENT_TYPE}+${subtype}`) : undefined
}

const ascii = /^[ -~]*$/

function isUtf8Text(latin1: string): boolean {
  return ascii.test(latin1) || isUtf8(Buffer.from(latin1, 'latin1'))
}
