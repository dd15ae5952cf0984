import type { Settings } from '../config/settings.ts'
import { hostName, mayName } from '../gateway-rules/host-whitelist.ts'
import { textResponse } from './refusal.ts'

/**
 * Turns away a plaintext request that names a host not on --host-whitelist: a web page could have
 * pointed its own name at this address (CVE-2018-5702). Undefined for one that may pass.
 */
export function misdirected(request: Request, settings: Settings): Response | undefined {
  const host = request.headers.get('Host') ?? ''
  return mayName(host, settings) || isSecure(request, settings)
    ? undefined
    : textResponse(421, explanation(hostName(host)))
}

/** In the embedded start TLS ends before workerd, which sets or removes the header for each socket. */
function isSecure(request: Request, { embedded }: Settings): boolean {
  return (
    request.url.startsWith('https:') ||
    (embedded && request.headers.get('X-Forwarded-Proto') === 'https')
  )
}

/** etcd's text, by which its users find the way out. */
function explanation(host: string): string {
  return `
etcd received your request, but the Host header was unrecognized.

To fix this, choose one of the following options:
- Enable TLS, then any HTTPS request will be allowed.
- Add the hostname you want to use to the whitelist in settings.
  - e.g. etcd --host-whitelist "${host}"

This requirement has been added to help prevent "DNS Rebinding" attacks (CVE-2018-5702).
`
}
