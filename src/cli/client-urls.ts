import type { ClientListener } from '../port/listener.ts'
import type { TlsServer } from '../port/tls-server.ts'
import { Failure, systemErrorCode } from './failure.ts'
import { formatUrl, hostPort, type ListenUrl } from './listen-url.ts'

/** Binds every URL; resolves to the URLs with the ports that they got. Throws Failure. */
export async function bindClientUrls(
  listener: ClientListener,
  urls: readonly ListenUrl[],
  tls: TlsServer | undefined,
): Promise<readonly ListenUrl[]> {
  const bound: ListenUrl[] = []
  for (const url of urls) {
    const { scheme, ...address } = url
    try {
      const port = await listener.bind(address, scheme === 'https' ? tls : undefined)
      bound.push({ ...url, port })
    } catch (error) {
      throw new Failure(`cannot listen on ${hostPort(url)}: ${reason(error)}`)
    }
  }
  return bound
}

function reason(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'address already in use',
    EADDRNOTAVAIL: 'no such address on this machine',
    EACCES: 'permission denied',
  }
  return reasons[systemErrorCode(error) ?? ''] ?? String(error)
}

/** What clients are told of: --advertise-client-urls, or what is listened on. */
export function advertisedUrls(advertised: string, bound: readonly ListenUrl[]): string {
  return advertised === '' ? bound.map(formatUrl).join(',') : advertised
}

/** Tells whoever started the command that it serves. */
export function announce(bound: readonly ListenUrl[]): void {
  const shown = bound.map(formatUrl).join(', ')
  process.stdout.write(`ready to serve client requests on ${shown}\n`)
}
