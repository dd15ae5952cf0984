import type { Settings } from '../config/settings.ts'
import { type Shown, shownBy } from '../door/shown.ts'
import { administrator, type Visitor, visitorOf } from '../door/visitor.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { allowOrigin } from './cors.ts'
import { DirectoryClient } from './directory-client.ts'
import { statusOfFailure } from './failure.ts'
import type { GatewayRequest } from './gateway-request.ts'
import { misdirected } from './host-whitelist.ts'
import { isLabPage } from './lab.ts'
import { countRefusal, requireNotLockedOut, requireShare } from './rate-limit.ts'
import { refusalResponse } from './refusal.ts'

/** A request before it is known whose it is. */
export type Arrived = Pick<GatewayRequest, 'request' | 'path' | 'settings' | 'env'>

/** Answers a request of somebody who may come in. Rejects with an RpcStatus. */
type Respond = (shown: Shown, visitor: Visitor) => Promise<Response>

/** What is read of a request that is refused, and for how long. */
const REST_BYTES_MAX = 65_536
const REST_MS_MAX = 100

/** What anybody may ask: whether there is an etcd here, and whether it runs. */
const open: ReadonlySet<string> = new Set(['/version', '/livez'])

/** Who has shown nothing, and is answered what everybody is. */
const anybody: Visitor = {}

/**
 * A deployed Worker has the whole internet before it, so it serves nobody without a secret; the
 * embedded start without one listens where it was told, and whoever reaches it may come in. The order
 * is etcd's: the host is looked at before all else, and a preflight is not asked for a token.
 */
export async function guarded(arrived: Arrived, respond: Respond): Promise<Response> {
  const { request, settings, env } = arrived
  const misled = misdirected(request, settings)
  if (misled !== undefined) {
    return misled
  }
  let response: Response
  if (request.method === 'OPTIONS') {
    response = new Response(null)
  } else {
    try {
      response = await admitted(arrived, respond)
    } catch (error) {
      response = refusalResponse(statusOfFailure(error))
    }
    if (isRefusedHere(response)) {
      await countRefusal(env.REFUSAL_LIMIT, request)
    }
    // What is refused, and what has no use for a body.
    if (response.status >= 400 || request.method === 'GET') {
      await readRest(request)
    }
  }
  allowOrigin(response, request, settings)
  return response
}

const refusals: ReadonlySet<string | null> = new Set([
  statusOf('access-token-missing').message,
  statusOf('access-token-invalid').message,
])

/** Whether it was a token of ours that was wrong or missing, and none of etcd's, which may just be old. */
function isRefusedHere({ status, headers }: Response): boolean {
  return status === 401 && refusals.has(headers.get('WWW-Authenticate'))
}

/**
 * workerd closes a connection whose request it has not read to its end, and a proxy in between that has
 * taken it for one to be used again loses the next request by it. So what is left of a short body is
 * read, and thrown away.
 */
async function readRest({ body, bodyUsed }: Request): Promise<void> {
  if (body === null || bodyUsed || body.locked) {
    return
  }
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const late = scheduler.wait(REST_MS_MAX)
  const rest = async (): Promise<void> => {
    for (let bytes = 0; bytes <= REST_BYTES_MAX;) {
      const { done, value } = await reader.read()
      if (done) {
        return
      }
      bytes += value.length
    }
  }
  // Whoever breaks it off does not wait for the answer either.
  await Promise.race([rest().catch(() => undefined), late])
}

async function admitted(arrived: Arrived, respond: Respond): Promise<Response> {
  const { request, path, settings, env } = arrived
  if (open.has(path)) {
    return respond(shownBy(request, settings), administrator)
  }
  requireSecret(settings)
  const shown = shownBy(request, settings)
  const { access } = shown
  if (env.REQUEST_LIMIT !== undefined) {
    await requireShare(env.REQUEST_LIMIT, request, access)
  }
  if (isLabPage(request, path)) {
    return respond(shown, anybody)
  }
  const visitor = visitorOf(access, settings)
  if (visitor?.administrator === undefined) {
    requireNotLockedOut(request)
  }
  return respond(shown, visitor ?? (await askDirectory(access ?? '', env)))
}

/** Each time, so that a token which was revoked is of no more use at once. Rejects with an RpcStatus. */
async function askDirectory(token: string, env: Env): Promise<Visitor> {
  const known = await new DirectoryClient(env).read((all) => all.administrator(token))
  if (known === undefined) {
    throw statusOf('access-token-invalid')
  }
  return { administrator: known }
}

/** Throws an RpcStatus that says what to do. */
function requireSecret({ embedded, accessToken }: Settings): void {
  if (!embedded && accessToken === undefined) {
    const hint =
      'no access token is set: run `wrangler secret put ETCDURABLE_TOKEN` and send it with each request as `Authorization: Bearer <token>`'
    throw new RpcStatus(Code.UNAVAILABLE, hint)
  }
}
