import { type Context, Hono } from 'hono'
import { ownNode } from '../config/cluster.ts'
import { type Settings, SettingsError, settingsOf } from '../config/settings.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { Visitor } from '../door/visitor.ts'
import { methodAt } from '../gateway-rules/call.ts'
import { keyspacePath } from '../gateway-rules/keyspace-path.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { openApiDocument } from './api-openapi.ts'
import { apiResponse, endpoints } from './api.ts'
import { dated } from './dated.ts'
import { debugVarsResponse } from './debug-vars.ts'
import { statusOfFailure } from './failure.ts'
import type { GatewayRequest } from './gateway-request.ts'
import { guarded } from './guard.ts'
import { healthResponse, probePaths, probeResponse } from './health.ts'
import { askDirectory, keyspaceAddress, refreshAddress } from './keyspace-address.ts'
import { isLabPath, labResponse } from './lab.ts'
import { leaveShards } from './leaving-shards.ts'
import { metricValues, metricsResponse } from './metrics.ts'
import { notFound } from './not-found.ts'
import { stopOpenCalls } from './open-calls.ts'
import { isLocated, NEAREST, placesOf } from './reading-place.ts'
import { methodNotAllowed, refusalResponse, textResponse } from './refusal.ts'
import { callResponse, originOf } from './routes.ts'
import { sessionResponse } from './session.ts'
import { ShardClient } from './shard-client.ts'
import { v2RoutesResponse } from './v2-routes.ts'
import { versionResponse } from './version.ts'

interface Gateway {
  readonly Bindings: GatewayRequest
}

/** What is not clean has come with a slash before it (http1/target.ts). */
const isOfV2 = /^\/{1,2}v2(?:\/|$)/

/** What etcd serves over HTTP on its client port, besides the calls that `gateway` answers itself. */
const app = new Hono<Gateway>()

/**
 * Hono leaves an escaped slash, which Go decodes as all else. Without --enable-grpc-gateway etcd knows
 * nothing below /v3/ either.
 */
const call = (c: Context<Gateway>): Response | Promise<Response> =>
  c.env.settings.jsonGateway
    ? callResponse(c.env, c.req.path.replaceAll(/%2f/gi, '/'))
    : textResponse(404, '404 page not found')

app.all('/v3/*', call)
app.all('/v3beta/*', call)

/** One of etcd's plain endpoints, which know GET and nothing else. */
function get(path: string, answer: (c: Context<Gateway>) => Response | Promise<Response>): void {
  app.all(path, (c) => (c.req.raw.method === 'GET' ? answer(c) : methodNotAllowed()))
}

get('/version', versionResponse)
get('/health', (c) => healthResponse(c.env, c.req.queries()))
for (const [path, probe] of probePaths) {
  get(path, (c) => probeResponse(c.env, probe, c.req.queries()))
}
// The process that has started this server tells of its end.
app.delete('/session', async (c) => {
  if (c.env.visitor.administrator !== 'link') {
    return methodNotAllowed()
  }
  stopOpenCalls()
  await leaveShards(c.env.env)
  return new Response(null, { status: 204 })
})
get('/session', (c) => sessionResponse(c.req.raw, c.env.shard))
get('/debug/vars', (c) => debugVarsResponse(c.env.shard))
get('/openapi.json', (c) =>
  c.env.visitor.administrator === undefined
    ? refusalResponse(statusOf('access-administrator'))
    : Response.json(openApiDocument(endpoints)),
)

app.all('/metrics', async (c) =>
  metricsResponse(await metricValues(c.env.shard, c.env.env.HOST), c.req.header('Accept')),
)

app.notFound((c) => notFound(c.req.raw))

app.onError((error) => refusalResponse(statusOfFailure(error)))

/** The Worker. */
export const gateway = {
  async fetch(request: Request, env: Env, context?: ExecutionContext): Promise<Response> {
    return dated(await responseTo(request, env, context))
  },
}

async function responseTo(
  request: Request,
  env: Env,
  context: ExecutionContext | undefined,
): Promise<Response> {
  const path = pathOf(request.url)
  try {
    const settings = settingsOf(env)
    return await guarded({ request, path, settings, env }, async (shown, guest) => {
      if (isLabPath(path)) {
        return labResponse({ request, path, env, settings, visitor: guest })
      }
      const visitor = asOfNode(guest, settings)
      const place = keyspacePath(path)
      const known = addressFor(visitor, place.keyspace, env)
      const address = known instanceof Promise ? await known : known
      const shard = await shardAt(address, place.place, {
        env,
        visitor,
        cf: request.cf,
        isLasting: place.path === '/session',
      })
      const asked = { request, path: place.path, env, settings, shard, shown, visitor }
      return place.path === path
        ? answered(asked, context)
        : prefixed(await answered(unprefixed(asked), context), path.slice(0, -place.path.length))
    })
  } catch (error) {
    const text = error instanceof SettingsError ? error.message : undefined
    return refusalResponse(
      text === undefined ? statusOfFailure(error) : new RpcStatus(Code.INTERNAL, text),
    )
  }
}

/**
 * A call is found by its path without the router, which costs a tenth of what a small one takes in
 * all; everything else goes through it.
 */
async function answered(
  asked: GatewayRequest,
  context: ExecutionContext | undefined,
): Promise<Response> {
  if (isOfV2.test(asked.path)) {
    return v2RoutesResponse(asked)
  }
  return methodAt(asked.path) === undefined || !asked.settings.jsonGateway
    ? (apiResponse(asked, asked.path) ?? app.fetch(asked.request, asked, context))
    : callResponse(asked, asked.path)
}

/** The request as it would be if there were no other keyspace. */
function unprefixed(asked: GatewayRequest): GatewayRequest {
  const { request, path } = asked
  const { url } = request
  const query = url.indexOf('?')
  const rest = query === -1 ? path : path + url.slice(query)
  return { ...asked, request: new Request(originOf(url) + rest, request) }
}

function prefixed(response: Response, prefix: string): Response {
  const location = response.headers.get('Location')
  if (location !== null) {
    response.headers.set('Location', prefix + location)
  }
  return response
}

/** In a cluster the shard is told which node it answers for. */
function asOfNode(visitor: Visitor, { cluster, advertiseClientUrls }: Settings): Visitor {
  return cluster === undefined
    ? visitor
    : { ...visitor, node: ownNode(cluster, advertiseClientUrls) }
}

interface Asked {
  readonly env: Env
  readonly visitor: Visitor
  readonly cf: unknown
  /** It goes on for long where it is opened. */
  readonly isLasting: boolean
}

/** `place` is what the path says of where to go. */
function shardAt(
  address: KeyspaceAddress,
  place: string | undefined,
  { env, visitor, cf, isLasting }: Asked,
): ShardClient | Promise<ShardClient> {
  if (isLocated(cf) || address.replicas !== undefined) {
    refreshAddress(address, env)
  }
  const clientAt = (known: KeyspaceAddress): ShardClient =>
    new ShardClient(env, known, visitor, placesOf(known, place, cf))
  if (place === NEAREST && isLasting) {
    return askDirectory(address.name, env).then(clientAt)
  }
  try {
    return clientAt(address)
  } catch (error) {
    if (place === undefined) {
      throw error
    }
    // It may have come since.
    return askDirectory(address.name, env).then(clientAt)
  }
}

/** Whoever has no more than some keyspace's token does not learn from us which keyspaces there are. */
function addressFor(
  visitor: Visitor,
  name: string,
  env: Env,
): KeyspaceAddress | Promise<KeyspaceAddress> {
  const hide = (error: unknown): never => {
    const isHidden = visitor.accessToken !== undefined && error instanceof RpcStatus
    throw isHidden ? statusOf('access-token-invalid') : error
  }
  try {
    const address = keyspaceAddress(name, env)
    return address instanceof Promise ? address.catch(hide) : address
  } catch (error) {
    return hide(error)
  }
}

/** As it stands in the URL, cut out because parsing costs more. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}
