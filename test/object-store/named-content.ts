import { createHash } from 'node:crypto'

/** The bytes of an object by its key, which ends with a dash and their number. */
export function contentOf(key: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Number(key.slice(key.lastIndexOf('-') + 1)))
  const pattern = createHash('sha256').update(key).digest()
  return bytes.map((_, at) => pattern[at % pattern.length] ?? 0)
}
