import type { Socket } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'

/**
 * The name on the certificate that a client has shown, as Go reads it: the last one where there are
 * several, and an empty one where there is none. Undefined in plaintext.
 */
export function commonNameOf(socket: Socket): string | undefined {
  if (!('getPeerCertificate' in socket)) {
    return undefined
  }
  const certificate: Partial<PeerCertificate> = (socket as TLSSocket).getPeerCertificate()
  return [certificate.subject?.CN ?? ''].flat().at(-1)
}
