import type { Settings } from '../config/settings.ts'
import type { RequestHead } from './request-head.ts'

/** What etcd lets browsers do (server/embed/serve.go), but for the origin. */
const allowed = {
  'Access-Control-Allow-Headers': 'accept, content-type, authorization',
  'Access-Control-Allow-Methods': 'POST, GET, OPTIONS, PUT, DELETE',
}

export type CorsHeaders = Readonly<
  Record<keyof typeof allowed | 'Access-Control-Allow-Origin', string>
>

const allowedToAll: CorsHeaders = { 'Access-Control-Allow-Origin': '*', ...allowed }

/** Which origin may read the answer; undefined where the client's is not among --cors. */
export function corsHeaders(request: RequestHead, { cors }: Settings): CorsHeaders | undefined {
  if (cors === undefined) {
    return allowedToAll
  }
  const origin = request.headers.get('Origin')
  return origin !== null && cors.has(origin)
    ? { 'Access-Control-Allow-Origin': origin, ...allowed }
    : undefined
}
