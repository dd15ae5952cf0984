import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'

/** Where a request goes: which keyspace, and the path that it asks there. */
export interface KeyspacePath {
  /** As it stands in the URL, whatever that is. */
  readonly keyspace: string
  /** As if the keyspace were the only one. */
  readonly path: string
}

/** Below the name stands what a keyspace serves; other paths there are the deployment's own. */
const inKeyspace =
  /^\/keyspaces\/([^/]*)(\/(?:v3|v3beta|session|health|livez|readyz|version|metrics|debug)(?:\/.*)?)$/s

/** Nothing is decoded, so that a name has one spelling, and none that escapes from its place. */
export function keyspacePath(path: string): KeyspacePath {
  const found = path.startsWith('/keyspaces/') ? inKeyspace.exec(path) : null
  return found === null
    ? { keyspace: DEFAULT_KEYSPACE, path }
    : { keyspace: found[1] ?? '', path: found[2] ?? '' }
}
