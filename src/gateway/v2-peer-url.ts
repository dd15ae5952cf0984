import { goJsonText } from '../protocol/go-json-text.ts'

/** What is wrong with the URLs of a member, in the words of etcd's v2 API (pkg/types/urls.go). */
export function peerUrlProblem(urls: readonly string[]): string | undefined {
  if (urls.length === 0) {
    return 'no valid URLs given'
  }
  for (const url of urls) {
    const problem = problemOf(url.trim())
    if (problem !== undefined) {
      return problem
    }
  }
  return undefined
}

const schemes: ReadonlySet<string> = new Set(['http', 'https', 'unix', 'unixs'])

function problemOf(url: string): string | undefined {
  const [, scheme = '', rest = url] = /^([a-z][a-z\d+.-]*):(.*)$/is.exec(url) ?? []
  if (scheme === '' && /^[^/?#]*:/.test(url)) {
    const why = url.startsWith(':')
      ? 'missing protocol scheme'
      : 'first path segment in URL cannot contain colon'
    return `parse ${goJsonText(url)}: ${why}`
  }
  if (!schemes.has(scheme.toLowerCase())) {
    return `URL scheme must be http, https, unix, or unixs: ${url}`
  }
  const [, host = '', path = ''] = /^(?:\/\/([^/?#]*))?([^?#]*)/.exec(rest) ?? []
  if (!/^(?:[^@]*@)?(?:[^:[\]]*|\[[^[\]]*\]):\d*$/.test(host)) {
    return `URL address does not have the form "host:port": ${url}`
  }
  return path === '' ? undefined : `URL must not contain a path: ${url}`
}
