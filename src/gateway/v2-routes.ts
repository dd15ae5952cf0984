import { CERTIFICATE_HEADER, commonNameIn } from '../gateway-rules/certificate.ts'
import { cleanPath, decodePath, escapePath } from '../gateway-rules/v2-path.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { GatewayRequest } from './gateway-request.ts'
import { redirect } from './not-found.ts'
import { textResponse } from './refusal.ts'
import { enableResponse, rolesResponse, usersResponse } from './v2-auth.ts'
import { keysResponse } from './v2-keys.ts'
import { membersResponse } from './v2-members.ts'
import type { V2Request } from './v2-request.ts'
import { v2MethodNotAllowed } from './v2-service-answer.ts'
import { machinesResponse, statsResponse } from './v2-stats.ts'

/** What etcd's mux has of the v2 API (api/v2http/client.go, handleV2). */
interface V2Route {
  readonly path: string
  /** Whether it also answers at everything below, the slash itself included. */
  readonly below: boolean
  /** As they stand in `Allow`; undefined where the path's end decides. */
  readonly methods: readonly string[] | undefined
  readonly answer: (asked: V2Request) => Promise<Response>
}

const routes: readonly V2Route[] = [
  {
    path: '/v2/keys',
    below: true,
    methods: ['HEAD', 'GET', 'PUT', 'POST', 'DELETE'],
    answer: keysResponse,
  },
  {
    path: '/v2/members',
    below: true,
    methods: ['GET', 'POST', 'DELETE', 'PUT'],
    answer: membersResponse,
  },
  { path: '/v2/machines', below: false, methods: ['GET', 'HEAD'], answer: machinesResponse },
  { path: '/v2/stats/store', below: false, methods: ['GET'], answer: statsResponse('store') },
  { path: '/v2/stats/self', below: false, methods: ['GET'], answer: statsResponse('self') },
  { path: '/v2/stats/leader', below: false, methods: ['GET'], answer: statsResponse('leader') },
  { path: '/v2/auth/users', below: true, methods: undefined, answer: usersResponse },
  { path: '/v2/auth/roles', below: true, methods: undefined, answer: rolesResponse },
  {
    path: '/v2/auth/enable',
    below: false,
    methods: ['GET', 'PUT', 'DELETE'],
    answer: enableResponse,
  },
]

/** Answers a request at /v2, or below it. */
export async function v2RoutesResponse(asked: GatewayRequest): Promise<Response> {
  const { request } = asked
  const path = decodePath(asked.path)
  const clean = cleanPath(path)
  if (clean !== path) {
    const mark = request.url.indexOf('?')
    return redirect(request, escapePath(clean) + (mark === -1 ? '' : request.url.slice(mark)), 301)
  }
  const route = routes.find((one) => isAt(path, one))
  if (route === undefined) {
    return textResponse(404, '404 page not found')
  }
  try {
    return await routeResponse(route, asked, path.slice(route.path.length))
  } catch (error) {
    // It is off.
    if (error instanceof RpcStatus && error.code === Code.UNIMPLEMENTED) {
      return textResponse(404, '404 page not found')
    }
    throw error
  }
}

async function routeResponse(
  { methods, answer }: V2Route,
  asked: GatewayRequest,
  rest: string,
): Promise<Response> {
  const { request, settings, shard } = asked
  if (methods !== undefined && !methods.includes(request.method)) {
    await shard.v2({ on: 'presence' })
    return v2MethodNotAllowed(methods)
  }
  const commonName = commonNameIn(request.headers.get(CERTIFICATE_HEADER), settings)
  return answer({ ...asked, rest, commonName })
}

function isAt(path: string, route: V2Route): boolean {
  return path === route.path || (route.below && path.startsWith(`${route.path}/`))
}
