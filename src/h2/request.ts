import type { RequestField } from './field.ts'

/** The first value of each name, pseudo-headers among them. A character stands for a byte. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>

/** The head of a request. */
export interface H2Request {
  readonly headers: RequestHeaders
  /** All of them in their order. */
  readonly fields: readonly RequestField[]
}

/** A token (RFC 9110 §9.1). CONNECT has no path (RFC 9113 §8.5), and every request here has one. */
const methodPattern = /^(?!CONNECT$)[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const pathPattern = /^(?:\/[!-~]*|\*)$/
const lengthPattern = /^\d{1,15}$/

/**
 * Whether a request that is not gRPC's is one of HTTP, with its headers joined: what HTTP/1.1 could not
 * say either, or says twice, is nothing to pass on. grpc-go answers such methods and paths itself.
 */
export function isHttpRequest(headers: RequestHeaders): boolean {
  const { ':method': method = '', ':path': path = '', 'content-length': length = '0' } = headers
  return methodPattern.test(method) && pathPattern.test(path) && lengthPattern.test(length)
}

/** Whether a client may say that behind its request (RFC 9113 §8.1). */
export function areTrailers(fields: readonly RequestField[]): boolean {
  return fields.every(({ name, isFine }) => isFine && !name.startsWith(':'))
}

/** Undefined for what is malformed (RFC 9113 §8.1.1). */
export function readRequest(fields: readonly RequestField[]): H2Request | undefined {
  const headers = Object.create(null) as Record<string, string | undefined>
  let areOthersBegun = false
  for (const { name, value, isFine } of fields) {
    const isPseudo = name.startsWith(':')
    if (!isFine || (isPseudo && (areOthersBegun || headers[name] !== undefined))) {
      return undefined
    }
    areOthersBegun ||= !isPseudo
    headers[name] ??= value
  }
  const { ':method': method, ':scheme': scheme, ':path': path } = headers
  const isWhole = method !== undefined && scheme !== undefined && path !== undefined && path !== ''
  return isWhole ? { headers, fields } : undefined
}
