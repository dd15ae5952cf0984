import type { GatewayRequest } from './gateway-request.ts'
import { redirect } from './not-found.ts'
import { textResponse } from './refusal.ts'
import { keysResponse } from './v2-keys.ts'
import { cleanPath, decodePath, escapePath } from './v2-path.ts'
import type { V2Request } from './v2-request.ts'

/** What etcd's mux has of the v2 API (api/v2http/client.go, handleV2). */
interface V2Route {
  readonly path: string
  /** Whether it also answers at everything below, the slash itself included. */
  readonly below: boolean
  /** As they stand in `Allow`. */
  readonly methods: readonly string[]
  readonly answer: (asked: V2Request) => Promise<Response>
}

const routes: readonly V2Route[] = [
  {
    path: '/v2/keys',
    below: true,
    methods: ['HEAD', 'GET', 'PUT', 'POST', 'DELETE'],
    answer: keysResponse,
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
  if (!route.methods.includes(request.method)) {
    return textResponse(405, 'Method Not Allowed', { Allow: route.methods.join(',') })
  }
  return route.answer({ ...asked, rest: path.slice(route.path.length) })
}

function isAt(path: string, route: V2Route): boolean {
  return path === route.path || (route.below && path.startsWith(`${route.path}/`))
}
