import type { Settings } from '../config/settings.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { RequestHead } from './request-head.ts'

/** What anybody may ask: whether there is an etcd here, and whether it runs. */
const open: ReadonlySet<string> = new Set(['/version', '/livez'])

const utf8 = new TextEncoder()

/**
 * Why a request may not pass; undefined when it may. A deployed Worker has the whole internet
 * before it, so it serves nobody without a secret; the embedded start listens where it was told.
 */
export function accessProblem(
  request: RequestHead,
  path: string,
  { embedded, accessToken }: Settings,
): RpcStatus | undefined {
  if (embedded || open.has(path)) {
    return undefined
  }
  if (accessToken === undefined) {
    const hint =
      'no access token is set: run `wrangler secret put ETCDURABLE_TOKEN` and send it with each request as `Authorization: Bearer <token>`'
    return new RpcStatus(Code.UNAVAILABLE, hint)
  }
  const given = bearerToken(request)
  return given !== undefined && isSame(given, accessToken)
    ? undefined
    : statusOf('invalid-auth-token')
}

/** Whether a token is the deployment's own, and so none of etcd's. */
export function isAccessToken(given: string, { embedded, accessToken }: Settings): boolean {
  return !embedded && accessToken !== undefined && isSame(given, accessToken)
}

/** Browsers cannot set headers on a WebSocket, but they can offer `Bearer, <token>` as protocols. */
function bearerToken(request: RequestHead): string | undefined {
  const [, header] = /^Bearer (.*)$/.exec(request.headers.get('Authorization') ?? '') ?? []
  return header ?? offeredToken(request)
}

/** The subprotocol that the handshake answers with: `Bearer` if the client offered it. */
export function bearerProtocol(request: RequestHead): string | undefined {
  return offeredToken(request) === undefined ? undefined : 'Bearer'
}

/** What stands behind `Bearer` among the subprotocols of a handshake. */
export function offeredToken(request: RequestHead): string | undefined {
  const [, token] =
    /^Bearer, *(.*)$/.exec(request.headers.get('Sec-WebSocket-Protocol') ?? '') ?? []
  return token
}

/** Takes as long for a guess that is nearly right as for one that is not, given the length. */
function isSame(given: string, expected: string): boolean {
  const a = utf8.encode(given)
  const b = utf8.encode(expected)
  const difference = b.reduce((bits, byte, place) => bits | (byte ^ (a[place] ?? 0)), 0)
  return a.length === b.length && difference === 0
}
