import type { Shown } from '../door/shown.ts'
import { textOfBytes } from '../protocol/byte-text.ts'
import type { V2Credentials } from '../protocol/v2-credentials.ts'
import type { RequestHead } from './request-head.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A request, and what it shows to us. */
interface Asked {
  readonly request: RequestHead
  readonly shown: Shown
  /** On the certificate that the client has shown, if that counts. */
  readonly commonName: string | undefined
}

/** What a request shows to v2's users (Go's Request.BasicAuth). An access token of ours is none of their business. */
export function credentialsOf({ request, shown, commonName }: Asked): V2Credentials {
  const header = request.headers.get('Authorization') ?? ''
  const certified = commonName ? { commonName } : 'none'
  if (header === '') {
    return certified
  }
  const [, encoded] = /^basic (.*)$/i.exec(header) ?? []
  if (encoded === undefined) {
    return shown.access === undefined ? 'malformed' : certified
  }
  if (!BASE64.test(encoded)) {
    return 'malformed'
  }
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
  const text = textOfBytes(bytes)
  const colon = text.indexOf(':')
  return colon === -1
    ? 'malformed'
    : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
