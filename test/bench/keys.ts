/** Keys of a prefix have one length, so that all requests of a case cost the same. */
export const keyAt = (prefix: string, index: number): string =>
  `${prefix}${String(index).padStart(9, '0')}`

/** The end of the range that a prefix is; its last character is not the last one there is. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}
