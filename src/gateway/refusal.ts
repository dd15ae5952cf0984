import { refusal } from '../gateway-rules/response.ts'
import { httpStatus, jsonStreamError, type RpcStatus } from '../protocol/status.ts'

/** The answer to a unary call that failed, and to a request that is no call. */
export function refusalResponse(problem: RpcStatus): Response {
  const { status, headers, body } = refusal(problem)
  return new Response(body, { status, headers })
}

/** The answer to a streaming call that failed before its first message. */
export function streamRefusalResponse(status: RpcStatus): Response {
  return new Response(`${jsonStreamError(status)}\n`, {
    status: httpStatus(status.code),
    headers: { 'Content-Type': 'application/json' },
  })
}

/** What Go's http.Error writes: the text and a newline, not to be taken for anything else. */
export function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}

/** What etcd's plain endpoints answer to anything but GET. */
export function methodNotAllowed(): Response {
  return textResponse(405, 'Method Not Allowed', { Allow: 'GET' })
}
