import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'

/** Where a request goes: which keyspace, and the path that it asks there. */
export interface KeyspacePath {
  /** As it stands in the URL, whatever that is. */
  readonly keyspace: string
  /** Which of its objects is asked, as it stands in the URL: a region, or `nearest`; undefined where nothing is said. */
  readonly place: string | undefined
  /** As if the keyspace were the only one. */
  readonly path: string
}

/** What a keyspace serves; other paths are the deployment's own. */
const served = String.raw`/(?:v2|v3|v3beta|session|health|livez|readyz|version|metrics|debug)(?:/.*)?`
const ofKeyspace = new RegExp(`^${served}$`, 's')
const inKeyspace = new RegExp(`^/keyspaces/([^/@]*)(?:@([^/]*))?(${served})$`, 's')

/** Where a bridge opens its own socket, by which it is believed who its clients are. */
const session = /^\/session(?:\/|$)/

/** Segments that some server on the way might resolve. */
const dots = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i
/** What has no place in a request, and what a parser of URLs cuts off or takes out. */
// oxlint-disable-next-line no-control-regex -- they are among it
const foreign = /[\x00-\x20#\x7f]/

/** Nothing is decoded, so that a name has one spelling, and none that escapes from its place. */
export function keyspacePath(path: string): KeyspacePath {
  const found = path.startsWith('/keyspaces/') ? inKeyspace.exec(path) : null
  return found === null
    ? { keyspace: DEFAULT_KEYSPACE, place: undefined, path }
    : { keyspace: found[1] ?? '', place: found[2], path: found[3] ?? '' }
}

/**
 * Whether a path, which may have a query, is one that a keyspace serves to clients of a bridge: nothing
 * of the deployment as a whole, nothing that leads out of the keyspace, and no session, which would
 * speak with the bridge's voice. Empty segments are passed over.
 */
export function isOfKeyspace(target: string): boolean {
  const [path = ''] = target.split('?')
  const plain = path.replaceAll(/\/{2,}/g, '/')
  return ofKeyspace.test(plain) && !session.test(plain) && !dots.test(path) && !foreign.test(target)
}
