/** A URL to listen on: `host` is an IP without brackets, `port` 0 takes a free one. */
export interface ListenUrl {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
}

/**
 * Reads one URL by etcd's rules (client/pkg/types/urls.go): http://IP:PORT or https://IP:PORT without
 * a path. `localhost` is 127.0.0.1, as Go's listener takes it. Returns what is wrong with it
 * otherwise.
 */
export function parseListenUrl(text: string): ListenUrl | string {
  const wrong = clientUrlProblem(text)
  if (wrong !== undefined) {
    return wrong
  }
  const url = new URL(text)
  const host = url.hostname === 'localhost' ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, '')
  if (!/^[\d.]+$|:/.test(host)) {
    return `expected IP in URL for binding (${text})`
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  return { scheme, host, port: explicitPort(text) ?? 0 }
}

/** What keeps a URL from being one that clients can be told of; undefined when nothing does. */
export function clientUrlProblem(text: string): string | undefined {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1]
  if (scheme !== 'http' && scheme !== 'https') {
    return `URL scheme must be http or https: ${text}`
  }
  if (!URL.canParse(text) || explicitPort(text) === undefined) {
    return `URL address does not have the form "host:port": ${text}`
  }
  const { pathname, search, hash, username } = new URL(text)
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '' || text.endsWith('/')) {
    return `URL must not contain a path: ${text}`
  }
  return undefined
}

/** `http://127.0.0.1:2379`, `https://[::1]:2379`. */
export function formatUrl(url: ListenUrl): string {
  return `${url.scheme}://${hostPort(url)}`
}

/** `127.0.0.1:2379`, `[::1]:2379`. */
export function hostPort({ host, port }: ListenUrl): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** WHATWG's parser drops a port that is the scheme's default, hence not `url.port`. */
function explicitPort(text: string): number | undefined {
  const digits = /^[a-z]+:\/\/[^/?#]+:(\d{1,5})(?:[/?#]|$)/.exec(text)?.[1]
  return digits === undefined || Number(digits) > 65_535 ? undefined : Number(digits)
}
