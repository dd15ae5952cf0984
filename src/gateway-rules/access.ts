import type { Settings } from '../config/settings.ts'
import { isAccessToken, parseAccessToken } from '../protocol/access-token.ts'
import { shownToken } from '../protocol/credentials.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import type { RequestHead } from './request-head.ts'

/** Who asks, as the shard is told: before etcd's users, an administrator or the bearer of a token. */
export type Visitor = Pick<CallContext, 'administrator' | 'accessToken'>

/** Also the Worker itself, where it answers what anybody may ask. */
export const administrator: Visitor = { administrator: true }

/** The process that has started this server. */
const link: Visitor = { administrator: 'link' }

/** Everybody, where nobody is asked for a token. */
const unasked: Visitor = { administrator: 'unasked' }

/** What a request shows: to us, and to etcd. Both are without `Bearer `. */
export interface Shown {
  readonly access: string | undefined
  readonly etcd: string | undefined
}

const nothing: Shown = { access: undefined, etcd: undefined }

const utf8 = new TextEncoder()

export type DoorSettings = Pick<Settings, 'embedded' | 'accessToken' | 'linkSecret'>

/**
 * Tells our token from etcd's, which may come in each other's places: a client may know nothing but
 * etcd's headers. What is neither the deployment's secret nor begins as our tokens do is etcd's.
 */
export function shownBy({ headers }: RequestHead, settings: DoorSettings): Shown {
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
function shownByHandshake(headers: RequestHead['headers'], settings: DoorSettings): Shown {
  const offered = offeredToken(headers)
  const cookie = cookieNamed('token', headers.get('Cookie') ?? '')
  const places = [bare(headers.get('Authorization')), offered]
  const authorization = [cookie, offered].find(
    (one) => isThere(one) && !isOurs(bare(one), settings),
  )
  return {
    access: places.find((one) => isOurs(one, settings)),
    etcd: shownToken({ token: undefined, authorization }),
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
    return { access, etcd: shownToken({ token, authorization: given[0] }) }
  }
  const others = given.filter((one) => !isOurs(bare(one), settings))
  const rest = isOurs(bare(token), settings) ? undefined : token
  return { access, etcd: shownToken({ token: rest, authorization: others[0] }) }
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

function isSecret(text: string, { accessToken, linkSecret }: DoorSettings): boolean {
  return [accessToken, linkSecret].some((secret) => isSame(text, secret))
}

/** Takes as long for a guess that is nearly right as for one that is not, given the length. */
function isSame(given: string, expected: string | undefined): boolean {
  if (given.length !== expected?.length) {
    return false
  }
  const a = utf8.encode(given)
  const b = utf8.encode(expected)
  const difference = b.reduce((bits, byte, place) => bits | (byte ^ (a[place] ?? 0)), 0)
  return a.length === b.length && difference === 0
}

/**
 * Who shows that token; undefined for an administrator's, which the directory has to be asked about.
 * Whether a keyspace's token is one is for the shard to say. Throws an RpcStatus.
 */
export function visitorOf(access: string | undefined, settings: DoorSettings): Visitor | undefined {
  if (access === undefined) {
    if (settings.embedded && settings.accessToken === undefined) {
      return unasked
    }
    throw statusOf('access-token-missing')
  }
  if (isSecret(access, settings)) {
    return isSame(access, settings.linkSecret) ? link : administrator
  }
  switch (parseAccessToken(access)?.kind) {
    case 'keyspace':
      return { accessToken: access }
    case 'administrator':
      return undefined
    default:
      throw statusOf('access-token-invalid')
  }
}

/**
 * Whether there is nothing in what is shown that the gateway has to refuse, or to ask the directory
 * about. Whether a keyspace's token is one is for the shard to say.
 */
export function mayEnter({ access }: Shown, settings: DoorSettings): boolean {
  try {
    return visitorOf(access, settings) !== undefined
  } catch (error) {
    if (error instanceof RpcStatus) {
      return false
    }
    throw error
  }
}

/** The subprotocol that the handshake answers with: `Bearer` if the client offered it. */
export function bearerProtocol({ headers }: RequestHead): string | undefined {
  return offeredToken(headers) === undefined ? undefined : 'Bearer'
}

/** What stands behind `Bearer` among the subprotocols of a handshake. */
function offeredToken(headers: RequestHead['headers']): string | undefined {
  const [, token] = /^Bearer, *(.*)$/.exec(headers.get('Sec-WebSocket-Protocol') ?? '') ?? []
  return token
}

function cookieNamed(name: string, cookies: string): string | undefined {
  const pairs = cookies.split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
