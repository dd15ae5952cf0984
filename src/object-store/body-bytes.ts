/** A request or a response. */
export type Message = Pick<Response, 'body' | 'headers'>

/**
 * The body of a message, whole. Throws where it has more than `most` bytes, and where it ends before the
 * length that it is told to have: what was cut on the way is not an object.
 */
export async function bodyBytes(
  message: Message,
  most: number,
  told = lengthTold(message),
): Promise<Uint8Array<ArrayBuffer>> {
  const length = told === null ? undefined : Number(told)
  if (length !== undefined && length > most) {
    await message.body?.cancel()
    throw new Error(`the body has ${length} bytes: ${most} is the most`)
  }
  let bytes = new Uint8Array(length ?? Math.min(most, 64 * 1024))
  let size = 0
  for await (const chunk of chunksOf(message)) {
    if (size + chunk.length > most) {
      throw new Error(`the body has more than ${most} bytes`)
    }
    if (size + chunk.length > bytes.length) {
      const longer = new Uint8Array(Math.min(most, Math.max(size + chunk.length, 2 * bytes.length)))
      longer.set(bytes.subarray(0, size))
      bytes = longer
    }
    bytes.set(chunk, size)
    size += chunk.length
  }
  if (length !== undefined && size !== length) {
    throw new Error(`the body has ${size} bytes of ${length}`)
  }
  return bytes.subarray(0, size)
}

/** Of a body that was compressed on the way, as MinIO does with lists, it is not the length that is read. */
function lengthTold({ headers }: Message): string | null {
  return headers.has('Content-Encoding') ? null : headers.get('Content-Length')
}

/** Leaving the loop ends the body. */
async function* chunksOf({ body }: Message): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  if (reader === undefined) {
    return
  }
  let isWhole = false
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array }
      if (done || value === undefined) {
        isWhole = true
        return
      }
      yield value
    }
  } finally {
    if (!isWhole) {
      await reader.cancel()
    }
  }
}
