import type { Settings } from '../config/settings.ts'
import { corsHeaders } from '../gateway-rules/cors.ts'

/** Adds to an answer which origin may read it. */
export function allowOrigin(response: Response, request: Request, settings: Settings): void {
  const headers = corsHeaders(request, settings)
  // The headers of a handshake are not for pages to read, and workerd has sent them by now.
  if (headers !== undefined && response.status !== 101) {
    Object.entries(headers).forEach(([name, value]) => response.headers.set(name, value))
  }
}
