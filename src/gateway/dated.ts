import { httpDate } from '../gateway-rules/http-date.ts'

/** Adds when an answer was given. Neither workerd nor the host does; Cloudflare writes its own. */
export function dated(response: Response): Response {
  // workerd has sent the headers of a handshake by now, and Go writes no date there either.
  if (response.status !== 101) {
    response.headers.set('Date', httpDate(Date.now()))
  }
  return response
}
