import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ClientListener, ListenAddress } from '../port/listener.ts'
import type { TlsServer } from '../port/tls-server.ts'
import { Failure, systemErrorCode } from './failure.ts'
import { addressText, formatUrl, isSecure, type ListenUrl } from './listen-url.ts'
import type { Log } from './log.ts'

export interface Binding {
  readonly tls: TlsServer | undefined
  /** --socket-reuse-port. */
  readonly reusePort: boolean
  readonly isHttp1Only?: boolean
}

/**
 * Binds every URL; resolves to the URLs with the ports that they got. URLs of one address share a
 * listener, which tells plaintext from TLS by the first byte. Throws Failure.
 */
export async function bindClientUrls(
  listener: ClientListener,
  urls: readonly ListenUrl[],
  { tls, ...binding }: Binding,
): Promise<readonly ListenUrl[]> {
  const bound = new Map<string, { readonly port: number }>()
  const listened: ListenUrl[] = []
  for (const url of urls) {
    const text = addressText(url)
    const sharing = urls.filter((other) => addressText(other) === text)
    const isPlain = sharing.some((other) => !isSecure(other))
    const place = bound.get(text) ?? {
      port: await bind(listener, url, {
        ...binding,
        isPlain,
        tls: sharing.some(isSecure) ? tls : undefined,
      }),
    }
    bound.set(text, place)
    listened.push('path' in url ? url : { ...url, port: place.port })
  }
  return listened
}

async function bind(
  listener: ClientListener,
  url: ListenUrl,
  how: Parameters<ClientListener['bind']>[1],
): Promise<number> {
  const { scheme: _, ...address }: ListenAddress & { readonly scheme: string } = url
  try {
    return await listener.bind(address, how)
  } catch (error) {
    const why =
      'path' in url && !existsSync(dirname(url.path)) ? 'no such directory' : reason(error)
    throw new Failure(`cannot listen on ${addressText(url)}: ${why}`)
  }
}

function reason(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'address already in use',
    EADDRNOTAVAIL: 'no such address on this machine',
    EACCES: 'permission denied',
    EINVAL: 'a path that no socket can have',
    ENOTSOCK: 'there is a file that is no socket',
  }
  return reasons[systemErrorCode(error) ?? ''] ?? String(error)
}

/** What clients are told of: --advertise-client-urls, or what is listened on. */
export function advertisedUrls(advertised: string, bound: readonly ListenUrl[]): string {
  return advertised === '' ? bound.map(formatUrl).join(',') : advertised
}

/** Tells that the server serves, in etcd's words (embed/serve.go) and with the URLs. */
export function announce(
  log: Log,
  bound: readonly ListenUrl[],
  httpBound: readonly ListenUrl[] = [],
): void {
  log.write('info', 'ready to serve client requests', {
    'client-urls': bound.map(formatUrl),
    ...(httpBound.length > 0 && { 'client-http-urls': httpBound.map(formatUrl) }),
  })
  const traffic = httpBound.length > 0 ? 'grpc' : 'grpc+http'
  bound.forEach((url) => announceUrl(log, url, traffic))
  httpBound.forEach((url) => announceUrl(log, url, 'http'))
}

function announceUrl(log: Log, url: ListenUrl, traffic: string): void {
  const how = isSecure(url) ? 'securely' : 'insecurely; this is strongly discouraged!'
  log.write('info', `serving client traffic ${how}`, { traffic, address: addressText(url) })
}
