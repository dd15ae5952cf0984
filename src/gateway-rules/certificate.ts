import { type DoorSettings, isLinkSecret } from '../door/secrets.ts'
import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'

/**
 * Tells the gateway that the client's certificate has a name, which is a user's where etcd's
 * --client-cert-auth is set. To v3's calls it is none here, and whoever sets it without need is only refused more.
 * v2's calls believe the name itself, of who shows the secret of the process that has started this server.
 */
export const CERTIFICATE_HEADER = 'x-client-certificate'

/** `secret` is undefined where the gateway is another's. */
export function certificateField(commonName: string, secret: string | undefined): string {
  return secret === undefined
    ? 'named'
    : `${secret} ${btoa(String.fromCharCode(...bytesOfText(commonName)))}`
}

/** The name, of who may tell it. */
export function commonNameIn(field: string | null, settings: DoorSettings): string | undefined {
  const [secret = '', name] = (field ?? '').split(' ')
  return name !== undefined && isLinkSecret(secret, settings)
    ? textOfBytes(Uint8Array.from(atob(name), (character) => character.charCodeAt(0)))
    : undefined
}
