import { Failure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import { formatUrl } from './listen-url.ts'

type Flags = Pick<ListenFlags, 'listen-client-urls' | 'allow-insecure'>

/**
 * Refuses a public address in plaintext where no token is asked for. TLS alone lets everybody in too,
 * but it is set up on purpose, and users sign in by it as they do with etcd. `door` is missing where
 * clients cannot be asked for a token. Throws Failure.
 */
export function requireSafeListening(
  flags: Flags,
  door?: { readonly token: string | undefined },
): void {
  const open = flags['listen-client-urls'].find(
    // A Unix socket is for those whom its file's permissions let in.
    (url) => url.scheme === 'http' && !isLoopback(url.host),
  )
  if (open !== undefined && door?.token === undefined && !flags['allow-insecure']) {
    const ways = door === undefined ? 'https' : 'https, --token-file'
    throw new Failure(
      `${formatUrl(open)} would be open to everybody who reaches it: use ${ways} or --allow-insecure`,
    )
  }
}

function isLoopback(host: string): boolean {
  return /^127\.|^::1$|^::ffff:7f/.test(host)
}
