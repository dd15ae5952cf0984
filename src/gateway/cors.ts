import type { Settings } from '../config/settings.ts'

/** What etcd lets browsers do (server/embed/serve.go). */
const ALLOWED_METHODS = 'POST, GET, OPTIONS, PUT, DELETE'
const ALLOWED_HEADERS = 'accept, content-type, authorization'

/** Adds to an answer which origin may read it: nothing, where the client's is not among --cors. */
export function allowOrigin(response: Response, request: Request, { cors }: Settings): void {
  const origin = cors === undefined ? '*' : request.headers.get('Origin')
  // The headers of a handshake are not for pages to read, and workerd has sent them by now.
  if (origin !== null && (cors === undefined || cors.has(origin)) && response.status !== 101) {
    response.headers.set('Access-Control-Allow-Methods', ALLOWED_METHODS)
    response.headers.set('Access-Control-Allow-Origin', origin)
    response.headers.set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  }
}
