import { FORM_BYTES_MAX, hasForm } from '../gateway-rules/v2-form.ts'
import { join } from './request-body.ts'

/** The body where it is a form, and nothing where it is none. */
export async function readFormBody(request: Request): Promise<Uint8Array | 'too-long'> {
  const { headers, method, body } = request
  if (body === null || !hasForm(method, headers.get('Content-Type'))) {
    return new Uint8Array(0)
  }
  return (await bodyWithin(request, FORM_BYTES_MAX)) ?? 'too-long'
}

/** The whole body; undefined where it is longer. */
export async function bodyWithin(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const { headers, body } = request
  const declared = headers.get('Content-Length')
  if (declared !== null && Number(declared) <= bytesMax) {
    return new Uint8Array(await request.arrayBuffer())
  }
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > bytesMax) {
      return undefined
    }
    parts.push(part)
  }
  return join(parts, length)
}
