import { type Settings } from '../config/settings.ts'
import type { Visitor } from '../door/visitor.ts'
import { page } from '../lab/generated/page.ts'
import { statusOf } from '../protocol/status.ts'
import { refusalResponse, textResponse } from './refusal.ts'

/** Of the object that is the deployment's lab. */
const LAB_NAME = 'lab'
/** Tells it whose a request is. */
export const LAB_VISITOR_HEADER = 'X-Etcdurable-Visitor'

const DOOR = '/lab/door'
const isOfLab = /^\/lab(?:\/|$)/

const security = {
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

interface LabRequest {
  readonly request: Request
  readonly path: string
  readonly env: Env
  readonly settings: Settings
  readonly visitor: Visitor
}

export function isLabPath(path: string): boolean {
  return isOfLab.test(path)
}

/** What is the same for everybody, and so needs no token: the page itself, and whether it needs one. */
export function isLabPage({ method }: Request, path: string): boolean {
  return method === 'GET' && (path === '/lab' || path === DOOR || fileAt(path) !== undefined)
}

/** Answers what is asked of the deployment's lab. All but the page is for administrators. */
export function labResponse(asked: LabRequest): Response | Promise<Response> {
  const { request, path, env, settings, visitor } = asked
  const file = fileAt(path)
  if (isLabPage(request, path)) {
    if (path === '/lab') {
      return new Response(null, { status: 302, headers: { ...security, Location: '/lab/' } })
    }
    return file === undefined
      ? Response.json(
          { needsToken: !settings.embedded || settings.accessToken !== undefined },
          { headers: security },
        )
      : new Response(file.text, { headers: { ...security, 'Content-Type': file.type } })
  }
  if (visitor.administrator === undefined) {
    return refusalResponse(statusOf('access-administrator'))
  }
  if (!isOwn(request)) {
    return textResponse(403, 'the lab is for its own page')
  }
  return passed(request, path, { env, visitor })
}

async function passed(
  { method, body }: Request,
  path: string,
  { env, visitor }: Pick<LabRequest, 'env' | 'visitor'>,
): Promise<Response> {
  const headers = { [LAB_VISITOR_HEADER]: JSON.stringify(visitor.administrator) }
  const text = body === null ? undefined : await new Response(body).text()
  const answer = await env.LAB.getByName(LAB_NAME).fetch(`https://lab${path}`, {
    method,
    headers,
    ...(text !== undefined && { body: text }),
  })
  return new Response(answer.body, {
    status: answer.status,
    headers: { ...security, 'Content-Type': answer.headers.get('Content-Type') ?? 'text/plain' },
  })
}

/** Where nobody is asked for a token, another site's page in the same browser has no business here. */
function isOwn({ url, headers }: Request): boolean {
  const origin = headers.get('Origin')
  return origin === null || (URL.canParse(origin) && new URL(origin).host === new URL(url).host)
}

function fileAt(path: string): { readonly type: string; readonly text: string } | undefined {
  const name = path.startsWith('/lab/') ? path.slice('/lab/'.length) : undefined
  return name !== undefined && Object.hasOwn(page, name) ? page[name] : undefined
}
