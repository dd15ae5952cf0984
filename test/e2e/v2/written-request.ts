// Requests as the transcripts write them: `[user:password] METHOD PATH <form` or `<json {…}`.
import type { V2Request } from './ask.ts'

const form = 'application/x-www-form-urlencoded'

/**
 * `PUT /v2/keys/a <value=1` has a form as its body, `<json` JSON, and `<type/subtype` another type;
 * `[root:x]` in front is Basic authentication.
 */
export function parseRequest(line: string): V2Request {
  const [, user, method = '', path = '', , type, body] =
    /^(?:\[([^\]]*)\] )?(\S+) (\S+)( <(json(?: |$)|[a-z-]+\/[\w-]+(?:; ?[\w=-]+)? )?(.*))?$/s.exec(
      line,
    ) ?? []
  if (method === '') {
    throw new Error(`not a request: ${line}`)
  }
  const contentType =
    type === undefined ? form : type.startsWith('json') ? 'application/json' : type.trim()
  return {
    method,
    path,
    headers: {
      ...(user !== undefined && { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
      ...(body !== undefined && { 'content-type': contentType }),
    },
    ...(body !== undefined && { body }),
  }
}
