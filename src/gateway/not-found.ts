import { statusOf } from '../protocol/status.ts'
import { refusalResponse, textResponse } from './refusal.ts'

/** What is no path of ours is answered as Go's ServeMux and, below /v3/, as grpc-gateway does. */
export function notFound(request: Request): Response {
  const { pathname, search } = new URL(request.url)
  const clean = pathname === '/v3' ? '/v3/' : pathname.replaceAll(/\/{2,}/g, '/')
  if (clean !== pathname) {
    return redirect(request, clean + search)
  }
  return isCallPath(pathname)
    ? refusalResponse(statusOf('path-not-found'))
    : textResponse(404, '404 page not found')
}

/** /v3beta is the older spelling of /v3 (server/embed/serve.go). */
function isCallPath(path: string): boolean {
  return path.startsWith('/v3/') || path.startsWith('/v3beta/')
}

/** What Go's RedirectHandler answers; its texts are those of the two statuses that its mux has had. */
export function redirect(request: Request, location: string, status: 301 | 307 = 307): Response {
  const headers = { Location: location }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response(null, { status, headers })
  }
  const text = status === 301 ? 'Moved Permanently' : 'Temporary Redirect'
  return new Response(`<a href="${escapeHtml(location)}">${text}</a>.\n\n`, {
    status,
    headers: { ...headers, 'Content-Type': 'text/html; charset=utf-8' },
  })
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;')
    .replaceAll("'", '&#39;')
}
