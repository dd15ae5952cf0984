import { type Context, Hono } from 'hono'
import { type Settings, SettingsError, settingsOf } from '../config/settings.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { accessProblem } from './access.ts'
import { allowOrigin } from './cors.ts'
import { debugVarsResponse } from './debug-vars.ts'
import { statusOfFailure } from './failure.ts'
import { healthResponse, probePaths, probeResponse } from './health.ts'
import { misdirected } from './host-whitelist.ts'
import { metricFamilies, metricsResponse } from './metrics.ts'
import { notFound } from './not-found.ts'
import { methodNotAllowed, refusalResponse } from './refusal.ts'
import { callResponse, isCall } from './routes.ts'
import { sessionResponse } from './session.ts'
import { ShardClient } from './shard-client.ts'
import { versionResponse } from './version.ts'

interface Gateway {
  readonly Bindings: Env
}

/** What etcd serves over HTTP on its client port, besides the calls that `gateway` answers itself. */
const app = new Hono<Gateway>()

const call = (c: Context<Gateway>): Promise<Response> =>
  callResponse(c.req.raw, c.req.path, c.env, settingsOf(c.env))

app.all('/v3/*', call)
app.all('/v3beta/*', call)

/** One of etcd's plain endpoints, which know GET and nothing else. */
function get(path: string, answer: (c: Context<Gateway>) => Response | Promise<Response>): void {
  app.all(path, (c) => (c.req.raw.method === 'GET' ? answer(c) : methodNotAllowed()))
}

get('/version', versionResponse)
get('/health', (c) => healthResponse(new ShardClient(c.env), c.req.queries()))
for (const [path, probe] of probePaths) {
  get(path, (c) => probeResponse(new ShardClient(c.env), probe, c.req.queries()))
}
get('/session', (c) => sessionResponse(c.req.raw, new ShardClient(c.env)))
get('/debug/vars', (c) => debugVarsResponse(new ShardClient(c.env)))

app.all('/metrics', async (c) =>
  metricsResponse(await metricFamilies(c.env), c.req.header('Accept')),
)

app.notFound((c) => notFound(c.req.raw))

app.onError((error) => refusalResponse(statusOfFailure(error)))

/**
 * The Worker. A call is found by its path without the router, which costs a tenth of what a small
 * one takes in all; everything else goes through it.
 */
export const gateway = {
  async fetch(request: Request, env: Env, context?: ExecutionContext): Promise<Response> {
    const path = pathOf(request.url)
    try {
      const settings = settingsOf(env)
      return await guarded({ request, path, settings }, async () =>
        isCall(path)
          ? callResponse(request, path, env, settings)
          : app.fetch(request, env, context),
      )
    } catch (error) {
      const text = error instanceof SettingsError ? error.message : undefined
      return refusalResponse(
        text === undefined ? statusOfFailure(error) : new RpcStatus(Code.INTERNAL, text),
      )
    }
  },
}

interface Asked {
  readonly request: Request
  readonly path: string
  readonly settings: Settings
}

/** etcd's order: the host is looked at before all else, and a preflight is not asked for a token. */
async function guarded(
  { request, path, settings }: Asked,
  answer: () => Promise<Response>,
): Promise<Response> {
  const refused = misdirected(request, settings)
  if (refused !== undefined) {
    return refused
  }
  let response: Response
  if (request.method === 'OPTIONS') {
    response = new Response(null)
  } else {
    const problem = accessProblem(request, path, settings)
    response = problem === undefined ? await answer() : refusalResponse(problem)
  }
  allowOrigin(response, request, settings)
  return response
}

/** As it stands in the URL, cut out because parsing costs more. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}
