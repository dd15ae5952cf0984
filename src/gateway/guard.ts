import type { Settings } from '../config/settings.ts'
import { DIRECTORY_NAME } from '../directory/directory-rpc.ts'
import { administrator, type Shown, shownBy, type Visitor, visitorOf } from '../http/access.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { Asked } from './asked.ts'
import { allowOrigin } from './cors.ts'
import { statusOfFailure } from './failure.ts'
import { misdirected } from './host-whitelist.ts'
import { countRefusal, requireNotLockedOut, requireShare } from './rate-limit.ts'
import { refusalResponse } from './refusal.ts'

/** A request before it is known whose it is. */
export type Arrived = Pick<Asked, 'request' | 'path' | 'settings' | 'env'>

/** Answers a request of somebody who may come in. Rejects with an RpcStatus. */
type Answer = (shown: Shown, visitor: Visitor) => Promise<Response>

/** What anybody may ask: whether there is an etcd here, and whether it runs. */
const open: ReadonlySet<string> = new Set(['/version', '/livez'])

/**
 * A deployed Worker has the whole internet before it, so it serves nobody without a secret; the
 * embedded start without one listens where it was told, and whoever reaches it may come in. The order
 * is etcd's: the host is looked at before all else, and a preflight is not asked for a token.
 */
export async function guarded(arrived: Arrived, answer: Answer): Promise<Response> {
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
      response = await admitted(arrived, answer)
    } catch (error) {
      response = refusalResponse(statusOfFailure(error))
    }
    if (response.status === 401) {
      await countRefusal(env.REFUSAL_LIMIT, request)
    }
  }
  allowOrigin(response, request, settings)
  return response
}

async function admitted(arrived: Arrived, answer: Answer): Promise<Response> {
  const { request, path, settings, env } = arrived
  if (open.has(path)) {
    return answer(shownBy(request, settings), administrator)
  }
  requireSecret(settings)
  const shown = shownBy(request, settings)
  const { access } = shown
  if (env.REQUEST_LIMIT !== undefined) {
    await requireShare(env.REQUEST_LIMIT, request, access)
  }
  const visitor = visitorOf(access, settings)
  if (visitor?.administrator === undefined) {
    requireNotLockedOut(request)
  }
  return answer(shown, visitor ?? (await askDirectory(access ?? '', env)))
}

/** Each time, so that a token which was revoked is of no more use at once. Rejects with an RpcStatus. */
async function askDirectory(token: string, env: Env): Promise<Visitor> {
  const known = await env.DIRECTORY.getByName(DIRECTORY_NAME).administrator(token)
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
