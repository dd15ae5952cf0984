import type { Settings } from '../config/settings.ts'

/** What etcd lets browsers do (server/embed/serve.go). */
const ALLOWED_METHODS = 'POST, GET, OPTIONS, PUT, DELETE'
const ALLOWED_HEADERS = 'accept, content-type, authorization'

/** Adds to an answer which origin may read it: none, where the client's is not among --cors. */
export function allowOrigin(headers: Headers, origin: string | null, settings: Settings): void {
  const allowed = settings.cors === undefined ? '*' : origin
  if (allowed !== null && (settings.cors === undefined || settings.cors.has(allowed))) {
    headers.set('Access-Control-Allow-Methods', ALLOWED_METHODS)
    headers.set('Access-Control-Allow-Origin', allowed)
    headers.set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  }
}
