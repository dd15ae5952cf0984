import { Code, httpStatus, jsonErrorBody, type RpcStatus } from '../protocol/status.ts'

/** An answer that is whole before it leaves. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Of a call that succeeds. */
export const callHeaders = {
  'Content-Type': 'application/json',
  'Grpc-Metadata-Content-Type': 'application/grpc',
}

/** The answer to a unary call that failed, and to a request that is no call. */
export function refusal(status: RpcStatus): Answer {
  const { code, message } = status
  return {
    status: httpStatus(code),
    headers: {
      'Content-Type': 'application/json',
      ...(code === Code.UNAUTHENTICATED && { 'WWW-Authenticate': message }),
    },
    body: jsonErrorBody(status),
  }
}
