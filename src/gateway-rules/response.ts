import { Code, httpStatus, jsonErrorBody, type RpcStatus, statusOf } from '../protocol/status.ts'

/** An answer that is whole before it leaves. */
export interface WholeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Of a call that succeeds. */
export const callHeaders = {
  'Content-Type': 'application/json',
  'Grpc-Metadata-Content-Type': 'application/grpc',
}

const ofCertificate = statusOf('certificate-by-http').message

/** What Go's ServeMux answers to a path that it does not know. */
export const notFoundPage: WholeResponse = textRefusal(404, '404 page not found')

/** The answer to a unary call that failed, and to a request that is no call. */
export function refusal(status: RpcStatus): WholeResponse {
  const { code, message } = status
  if (message === ofCertificate) {
    return textRefusal(400, message)
  }
  return {
    status: httpStatus(code),
    headers: {
      'Content-Type': 'application/json',
      ...(code === Code.UNAUTHENTICATED && { 'Www-Authenticate': message }),
    },
    body: jsonErrorBody(status),
  }
}

/** What Go's http.Error writes: the text and a newline, not to be taken for anything else. */
function textRefusal(status: number, text: string): WholeResponse {
  return {
    status,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
    },
    body: `${text}\n`,
  }
}
