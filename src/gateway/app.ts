import { type Context, Hono } from 'hono'
import { SettingsError, settingsOf } from '../config/settings.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { accessProblem } from './access.ts'
import { allowOrigin } from './cors.ts'
import { debugVarsResponse } from './debug-vars.ts'
import { statusOfFailure } from './failure.ts'
import { healthResponse, probePaths, probeResponse } from './health.ts'
import { misdirected } from './host-whitelist.ts'
import { metricsResponse } from './metrics.ts'
import { notFound } from './not-found.ts'
import { methodNotAllowed, refusalResponse } from './refusal.ts'
import { callResponse } from './routes.ts'
import { ShardClient } from './shard-client.ts'
import { versionResponse } from './version.ts'

interface Gateway {
  readonly Bindings: Env
}

/** The Worker: what etcd serves over HTTP on its client port. */
export const app = new Hono<Gateway>()

// etcd's order: the host is looked at before all else, and a preflight is not asked for a token.
app.use(async (c, next) => {
  const settings = settingsOf(c.env)
  const refused = misdirected(c.req.raw, settings)
  if (refused !== undefined) {
    return refused
  }
  if (c.req.method === 'OPTIONS') {
    c.res = new Response(null)
  } else {
    const problem = accessProblem(c.req.raw, c.req.path, settings)
    if (problem === undefined) {
      await next()
    } else {
      c.res = refusalResponse(problem)
    }
  }
  allowOrigin(c.res, c.req.raw, settings)
  return undefined
})

const call = (c: Context<Gateway>): Promise<Response> =>
  callResponse(c.req.raw, c.req.path, c.env, settingsOf(c.env))

app.all('/v3/*', call)
app.all('/v3beta/*', call)

/** One of etcd's plain endpoints, which know GET and nothing else. */
function get(path: string, answer: (c: Context<Gateway>) => Response | Promise<Response>): void {
  app.all(path, (c) => (c.req.raw.method === 'GET' ? answer(c) : methodNotAllowed()))
}

get('/version', versionResponse)
get('/health', (c) => healthResponse(new ShardClient(c.env.SHARD), c.req.queries()))
for (const [path, probe] of probePaths) {
  get(path, (c) => probeResponse(new ShardClient(c.env.SHARD), probe, c.req.queries()))
}
get('/debug/vars', (c) => debugVarsResponse(new ShardClient(c.env.SHARD)))

app.all('/metrics', async (c) =>
  metricsResponse(await new ShardClient(c.env.SHARD).metrics(), c.req.header('Accept')),
)

app.notFound((c) => notFound(c.req.raw))

app.onError((error) =>
  refusalResponse(
    error instanceof SettingsError
      ? new RpcStatus(Code.INTERNAL, error.message)
      : statusOfFailure(error),
  ),
)
