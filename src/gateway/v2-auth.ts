import { credentialsOf } from '../gateway-rules/v2-credentials.ts'
import type { V2AuthRequest, V2Unfit } from '../protocol/v2-service-call.ts'
import { roleChangeOf, userChangeOf } from './v2-auth-json.ts'
import { bodyWithin } from './v2-body.ts'
import { GoJsonError } from './v2-go-json.ts'
import type { V2Request } from './v2-request.ts'
import { servedResponse, v2MethodNotAllowed } from './v2-service-answer.ts'

/** More than any user or role is long. */
const BODY_BYTES_MAX = 1024 * 1024

const methods = ['GET', 'PUT', 'DELETE']

/** Answers /v2/auth/enable (api/v2http/client_auth.go). */
export function enableResponse(asked: V2Request): Promise<Response> {
  switch (asked.request.method) {
    case 'GET':
      return authResponse(asked, { do: 'is-enabled' })
    case 'PUT':
      return authResponse(asked, { do: 'enable' })
    default:
      return authResponse(asked, { do: 'disable' })
  }
}

/** Answers /v2/auth/users and all below it. */
export function usersResponse(asked: V2Request): Promise<Response> {
  return listOrOne(asked, 'list-users', async (name) => {
    switch (asked.request.method) {
      case 'GET':
        return { do: 'get-user', name }
      case 'PUT': {
        const user = await changeIn(asked.request, userChangeOf)
        return user?.user === name ? { do: 'put-user', user } : unfit('User', user)
      }
      default:
        return { do: 'delete-user', name }
    }
  })
}

/** Answers /v2/auth/roles and all below it. */
export function rolesResponse(asked: V2Request): Promise<Response> {
  return listOrOne(asked, 'list-roles', async (name) => {
    switch (asked.request.method) {
      case 'GET':
        return { do: 'get-role', name }
      case 'PUT': {
        const role = await changeIn(asked.request, roleChangeOf)
        return role?.role === name ? { do: 'put-role', role } : unfit('Role', role)
      }
      default:
        return { do: 'delete-role', name }
    }
  })
}

async function listOrOne(
  asked: V2Request,
  list: 'list-users' | 'list-roles',
  one: (name: string) => Promise<V2AuthRequest>,
): Promise<Response> {
  const { request, rest } = asked
  const [, name = '', ...deeper] = rest.replace(/\/$/, '').split('/')
  if (deeper.length > 0) {
    await asked.shard.v2({ on: 'presence' })
    return Response.json({ message: 'Invalid path' }, { status: 400 })
  }
  const allowed = name === '' ? ['GET'] : methods
  if (!allowed.includes(request.method)) {
    await asked.shard.v2({ on: 'presence' })
    return v2MethodNotAllowed(allowed)
  }
  return authResponse(asked, name === '' ? { do: list } : await one(name))
}

function authResponse(asked: V2Request, wanted: V2AuthRequest): Promise<Response> {
  const call = { on: 'auth', asked: wanted, credentials: credentialsOf(asked) } as const
  return servedResponse(asked.shard, call, asked.request.method)
}

/** What the body tells; undefined where it tells nothing. */
async function changeIn<T>(
  request: Request,
  read: (bytes: Uint8Array) => T,
): Promise<T | undefined> {
  const bytes = await bodyWithin(request, BODY_BYTES_MAX)
  try {
    return bytes && read(bytes)
  } catch (error) {
    if (error instanceof GoJsonError) {
      return undefined
    }
    throw error
  }
}

function unfit(what: 'User' | 'Role', told: object | undefined): V2Unfit {
  const message =
    told === undefined
      ? 'Invalid JSON in request body.'
      : `${what} JSON name does not match the name in the URL`
  return { do: 'unfit', isRead: false, status: 400, message }
}
