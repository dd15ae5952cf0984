/** `host` is an IP without brackets, `port` 0 takes a free one. */
interface TcpUrl {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
}

/** A Unix socket at `path`, which may be relative to the working directory. */
interface UnixUrl {
  readonly scheme: 'unix' | 'unixs'
  readonly path: string
}

/** A URL to listen on. */
export type ListenUrl = TcpUrl | UnixUrl

export function isSecure({ scheme }: ListenUrl): boolean {
  return scheme === 'https' || scheme === 'unixs'
}

/**
 * Reads one URL by etcd's rules (client/pkg/types/urls.go): http://IP:PORT, https://IP:PORT, unix:PATH
 * or unixs:PATH. `localhost` is 127.0.0.1, as Go's listener takes it. Returns what is wrong with it
 * otherwise.
 */
export function parseListenUrl(text: string): ListenUrl | string {
  const wrong = clientUrlProblem(text)
  if (wrong !== undefined) {
    return wrong
  }
  const unix = unixUrl(text)
  if (unix !== undefined) {
    return unix
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
  const scheme = /^([a-z]+):/.exec(text)?.[1]
  if (scheme === 'unix' || scheme === 'unixs') {
    return unixUrl(text) === undefined ? `URL must name the path of a socket: ${text}` : undefined
  }
  if (!/^https?:\/\//.test(text)) {
    return `URL scheme must be http, https, unix, or unixs: ${text}`
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

/** To etcd, as to gRPC, the path is all that follows `unix://`, or `unix:` where a slash does. */
function unixUrl(text: string): UnixUrl | undefined {
  const [, scheme, path] = /^(unixs?):(?:\/\/(?=.)|(?=\/[^/]))([^?#]+)$/.exec(text) ?? []
  return path === undefined ? undefined : { scheme: scheme === 'unixs' ? 'unixs' : 'unix', path }
}

/** `http://127.0.0.1:2379`, `https://[::1]:2379`, `unix:///run/etcd.sock`. */
export function formatUrl(url: ListenUrl): string {
  return `${url.scheme}://${addressText(url)}`
}

/** `127.0.0.1:2379`, `[::1]:2379`, `/run/etcd.sock`. Two URLs of one text share a listener. */
export function addressText(url: ListenUrl): string {
  if ('path' in url) {
    return url.path
  }
  const { host, port } = url
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** WHATWG's parser drops a port that is the scheme's default, hence not `url.port`. */
function explicitPort(text: string): number | undefined {
  const digits = /^[a-z]+:\/\/[^/?#]+:(\d{1,5})(?:[/?#]|$)/.exec(text)?.[1]
  return digits === undefined || Number(digits) > 65_535 ? undefined : Number(digits)
}
