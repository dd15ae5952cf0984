/** A header as HPACK's tables know it; of both, a character stands for a byte. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** One that was received; entries of the table are looked at once, however often they come. */
export interface RequestField extends Field {
  /** There may be such a field in a request. */
  readonly isFine: boolean
}

const namePattern = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const valuePattern = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

const pseudoNames: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority'])

/** Of a connection of HTTP/1.1, which HTTP/2 has no use for (RFC 9113 §8.2.2). */
const connectionNames: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** Whether there may be such a field in a request, by itself. */
export function isWellFormed(name: string, value: string): boolean {
  const isNameFine = name.startsWith(':')
    ? pseudoNames.has(name)
    : namePattern.test(name) && !connectionNames.has(name)
  return isNameFine && valuePattern.test(value)
}
