import { prefixEnd } from './keys.ts'

// The JSON of the requests that the load consists of.

export const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

/** The base64 of a value of so many bytes. */
export const valueOf = (bytes: number): string => base64('v'.repeat(bytes))

export function putJson(key: string, value: string): string {
  return `{"key":"${base64(key)}","value":"${value}"}`
}

export function rangeJson(key: string, rangeEnd = '', limit = 0): string {
  return JSON.stringify({ key: base64(key), range_end: base64(rangeEnd), limit })
}

/** Creates a watch of a prefix. */
export function watchJson(prefix: string): string {
  const range = { key: base64(prefix), range_end: base64(prefixEnd(prefix)) }
  return JSON.stringify({ create_request: range })
}
