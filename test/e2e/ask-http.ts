// A request of a random history, asked of a server over HTTP.
import { OBSERVED_MS } from './grpc-requests.ts'
import type { Ask } from './history-side.ts'
import { send, sendForLine } from './http.ts'
import type { Shown } from './random-request.ts'

/** workerd drops an empty Authorization header, so that one is sent by its other name. */
function headerOf({ name, value }: Shown): string {
  return name === 'token' || value === '' ? 'Grpc-Metadata-Token' : 'Authorization'
}

/** A watch is told by its first line. So is an observer, who waits but a moment for a leader. */
export function askHttp(url: string): Ask {
  return ({ path, body, shown }) => {
    const headers = shown === undefined ? {} : { [headerOf(shown)]: shown.value }
    switch (path) {
      case '/v3/watch':
        return sendForLine(url, { path, body, headers })
      case '/v3/election/observe':
        return sendForLine(url, {
          path,
          body,
          headers: { ...headers, 'Grpc-Timeout': `${OBSERVED_MS}m` },
        })
      default:
        return send(url, { path, body, headers })
    }
  }
}
