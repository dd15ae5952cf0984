const utf8 = new TextEncoder()
const text = new TextDecoder()

/** The length of the JSON, before it. */
const HEAD_BYTES = 4

/** In the JSON, where bytes are: the next ones behind it, so many of them. */
interface Bytes {
  readonly '@bytes': number
}

/** In the JSON, in decimal. */
interface Integer {
  readonly '@bigint': string
}

/**
 * A value of JSON, with bytes and bigints in it, as a body of HTTP: the JSON, and behind it the bytes in their order.
 * What is undefined is left out.
 */
export function packBody(value: unknown): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []
  const marked = JSON.stringify(value, (_, one: unknown): unknown => {
    if (typeof one === 'bigint') {
      return { '@bigint': one.toString() } satisfies Integer
    }
    if (!(one instanceof Uint8Array)) {
      return one
    }
    parts.push(one)
    return { '@bytes': one.length } satisfies Bytes
  })
  const json = utf8.encode(marked)
  const length = parts.reduce((sum, part) => sum + part.length, HEAD_BYTES + json.length)
  const body = new Uint8Array(length)
  new DataView(body.buffer).setUint32(0, json.length)
  body.set(json, HEAD_BYTES)
  let offset = HEAD_BYTES + json.length
  for (const part of parts) {
    body.set(part, offset)
    offset += part.length
  }
  return body
}

/** Bytes in it are views of `body`. */
export function unpackBody(body: Uint8Array): unknown {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let offset = HEAD_BYTES + view.getUint32(0)
  const json = text.decode(body.subarray(HEAD_BYTES, offset))
  // Values come in the order in which they stand, and the marks of bytes so did when they were packed.
  return JSON.parse(json, (_, one: unknown): unknown => {
    if (typeof one !== 'object' || one === null) {
      return one
    }
    if ('@bigint' in one) {
      return BigInt((one as Integer)['@bigint'])
    }
    if (!('@bytes' in one)) {
      return one
    }
    const part = body.subarray(offset, offset + (one as Bytes)['@bytes'])
    offset += part.length
    return part
  })
}
