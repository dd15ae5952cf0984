import type { Settings } from '../config/settings.ts'
import { shownToken } from '../protocol/credentials.ts'
import { isAccessToken, offeredToken } from './access.ts'
import type { RequestHead } from './request-head.ts'

/**
 * The token of etcd's auth that comes with a request, as etcd's gateway maps headers to metadata;
 * undefined for none. Where `Authorization` carries the deployment's own token it says nothing to
 * etcd: clients then show etcd's as `Grpc-Metadata-Token`.
 */
export function etcdToken(request: RequestHead, settings: Settings): string | undefined {
  const { headers } = request
  if (headers.get('Upgrade') === 'websocket') {
    return ofHandshake(request, settings)
  }
  const token = headers.get('Grpc-Metadata-Token')
  const authorization = headers.get('Authorization') ?? headers.get('Grpc-Metadata-Authorization')
  if (authorization !== null && isAccessToken(authorization.replace(/^Bearer /, ''), settings)) {
    return shownToken({ token, authorization: headers.get('Grpc-Metadata-Authorization') })
  }
  return shownToken({ token, authorization })
}

/**
 * Of a handshake etcd's proxy passes on nothing but the subprotocol, which is `Bearer, TOKEN`, and
 * instead of it the cookie `token` (grpc-websocket-proxy's wsproxy).
 */
function ofHandshake(request: RequestHead, settings: Settings): string | undefined {
  const offered = offeredToken(request)
  const authorization =
    cookie(request.headers.get('Cookie') ?? '', 'token') ??
    (offered !== undefined && isAccessToken(offered, settings) ? undefined : offered)
  return shownToken({ token: undefined, authorization })
}

function cookie(header: string, name: string): string | undefined {
  const pairs = header.split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
