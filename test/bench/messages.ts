// The JSON of the requests that the load consists of.

export const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

/** Keys of a prefix have one length, so that all requests of a case cost the same. */
export const keyAt = (prefix: string, index: number): string =>
  `${prefix}${String(index).padStart(9, '0')}`

/** The base64 of a value of so many bytes. */
export const valueOf = (bytes: number): string => base64('v'.repeat(bytes))

export function putJson(key: string, value: string): string {
  return `{"key":"${base64(key)}","value":"${value}"}`
}

export function rangeJson(key: string, rangeEnd = '', limit = 0): string {
  return JSON.stringify({ key: base64(key), range_end: base64(rangeEnd), limit })
}

/** The end of the range that a prefix is; its last character is not the last one there is. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}
