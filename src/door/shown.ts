import { isAccessToken } from './access-token.ts'
import { type DoorSettings, isSecret } from './secrets.ts'

/**
 * No token is as long, be it a JWT, and the context of a call has an end. What is longer is taken
 * for the empty token, which is invalid.
 */
const TOKEN_CHARACTERS_MAX = 16_384

/** What both a Worker's Request and a head that was read from a socket can tell. */
interface Head {
  readonly headers: {
    /** By the name in whatever case; null where there is none. */
    get(name: string): string | null
  }
}

/** What a request shows: to us, and to etcd. Both are without `Bearer `. */
export interface Shown {
  readonly access: string | undefined
  readonly etcd: string | undefined
}

const nothing: Shown = { access: undefined, etcd: undefined }

/**
 * Tells our token from etcd's, which may come in each other's places: a client may know nothing but
 * etcd's headers. What is neither the deployment's secret nor begins as our tokens do is etcd's.
 */
export function shownBy({ headers }: Head, settings: DoorSettings): Shown {
  if (headers.get('Upgrade') === 'websocket') {
    return shownByHandshake(headers, settings)
  }
  const authorizations = [headers.get('Authorization'), headers.get('Grpc-Metadata-Authorization')]
  return sortShown(headers.get('Grpc-Metadata-Token'), authorizations, settings)
}

/**
 * Of a handshake etcd's proxy passes on nothing but the subprotocol, which is `Bearer, TOKEN`, and
 * instead of it the cookie `token` (grpc-websocket-proxy's wsproxy). Ours may come as the subprotocol,
 * or by a client that is no browser in the header; a cookie would come along with any page's socket.
 */
function shownByHandshake(headers: Head['headers'], settings: DoorSettings): Shown {
  const offered = offeredToken(headers)
  const cookie = cookieNamed('token', headers.get('Cookie') ?? '')
  const places = [bare(headers.get('Authorization')), offered]
  const authorization = [cookie, offered].find(
    (one) => isThere(one) && !isOurs(bare(one), settings),
  )
  return {
    access: places.find((one) => isOurs(one, settings)),
    etcd: etcdToken(undefined, authorization),
  }
}

/** The metadata `token`, and what may be its `authorization`: the first that is there. */
export function sortShown(
  token: string | null | undefined,
  authorizations: readonly (string | null | undefined)[],
  settings: DoorSettings,
): Shown {
  const given = authorizations.filter(isThere)
  if (!isThere(token) && given.length === 0) {
    return nothing
  }
  const access = [...given, token].map(bare).find((one) => isOurs(one, settings))
  if (access === undefined) {
    return { access, etcd: etcdToken(token, given[0]) }
  }
  const others = given.filter((one) => !isOurs(bare(one), settings))
  const rest = isOurs(bare(token), settings) ? undefined : token
  return { access, etcd: etcdToken(rest, others[0]) }
}

function isThere(text: string | null | undefined): text is string {
  return text !== null && text !== undefined
}

function bare(text: string | null | undefined): string | undefined {
  return text?.replace(/^Bearer /, '')
}

function isOurs(text: string | undefined, settings: DoorSettings): text is string {
  return text !== undefined && (isAccessToken(text) || isSecret(text, settings))
}

/** The subprotocol that the handshake answers with: `Bearer` if the client offered it. */
export function bearerProtocol({ headers }: Head): string | undefined {
  return offeredToken(headers) === undefined ? undefined : 'Bearer'
}

/** What stands behind `Bearer` among the subprotocols of a handshake. */
function offeredToken(headers: Head['headers']): string | undefined {
  const [, token] = /^Bearer, *(.*)$/.exec(headers.get('Sec-WebSocket-Protocol') ?? '') ?? []
  return token
}

function cookieNamed(name: string, cookies: string): string | undefined {
  const pairs = cookies.split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/**
 * The token that etcd would look at (server/auth/store.go, AuthInfoFromCtx): that of `token`, else of
 * `authorization`, without `Bearer `. Undefined where neither is there; one that is empty is there.
 */
function etcdToken(
  token: string | null | undefined,
  authorization: string | null | undefined,
): string | undefined {
  const shown = (token ?? authorization)?.replace(/^Bearer /, '')
  return shown === undefined || shown.length <= TOKEN_CHARACTERS_MAX ? shown : ''
}
