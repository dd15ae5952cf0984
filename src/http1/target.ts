/** What a request is for, as it is passed on. */
export interface Target {
  /** The path and the query. */
  readonly path: string
  /** Of a target that is a whole URL; it takes the place of the field. */
  readonly host?: string
}

/** Those of a target that is a whole URL (net/url: parseAuthority). */
const absolute = /^[a-z][a-z\d+.-]*:(?:\/\/(?:[^/?]*@)?([^/?@]*))?(.*)$/i
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\0-\x1f\x7f]/
const brokenEscape = /%(?![\da-f]{2})/i
const notOfUrls = /[^\w!$%&'()*+,./:;=?@~-]/g
/** A URL's parser takes them for dots, and Go for a name like any. */
const escapedDots = /(?<=^|\/)(?=[^/]*%)(?:\.|%2e){1,2}(?=\/|$)/gi

/** Undefined where Go's url.ParseRequestURI refuses it. */
export function readTarget(method: string, text: string): Target | undefined {
  if (control.test(text)) {
    return undefined
  }
  if (text.startsWith('/')) {
    return pathTarget(text)
  }
  if (method === 'CONNECT') {
    // There is no path, so nothing is found.
    return { path: '/' }
  }
  const [, host, rest = ''] = absolute.exec(text) ?? []
  if (!absolute.test(text)) {
    return undefined
  }
  const target = pathTarget(host === undefined ? '' : rest)
  return target === undefined || host === undefined ? target : { ...target, host }
}

/**
 * A path that is not clean goes on as the clean one behind a slash, which the gateway redirects to
 * the clean one, as Go's ServeMux does: on its way a parser of URLs would resolve the dots.
 */
function pathTarget(text: string): Target | undefined {
  const mark = text.indexOf('?')
  const path = mark === -1 ? text : text.slice(0, mark)
  const query = mark === -1 ? '' : text.slice(mark)
  if (brokenEscape.test(path)) {
    return undefined
  }
  const clean = cleanPath(path)
  const passed = clean === path ? path : `/${clean}`
  const undotted = passed.replaceAll(escapedDots, (dots) => dots.replaceAll('%', '%25'))
  return { path: escaped(undotted) + escaped(query) }
}

/** As Go's path.Clean and ServeMux do it. */
function cleanPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') {
      segments.pop()
    } else if (segment !== '' && segment !== '.') {
      segments.push(segment)
    }
  }
  const clean = `/${segments.join('/')}`
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}

function escaped(text: string): string {
  return text.replaceAll(
    notOfUrls,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
