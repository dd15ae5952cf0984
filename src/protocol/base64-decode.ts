/**
 * Base64 as protojson reads it: either alphabet, but not both in one value; padded if and only if
 * the length is a multiple of four; and, since Go's decoder has it so, line breaks go unnoticed
 * and the bits that the last digit has too many may be anything.
 */

/** undefined for what Go would refuse. */
export function fromBase64(text: string): Uint8Array | undefined {
  const padded = text.length % 4 === 0
  const digits = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, '') : text
  const { length } = digits
  const count = padded ? length - paddingOf(digits) : length
  if ((padded && length % 4 !== 0) || count % 4 === 1) {
    return undefined
  }
  const bytes = new Uint8Array(Math.floor((count * 3) / 4))
  return fill(bytes, digits, count) ? bytes : undefined
}

function paddingOf(digits: string): number {
  if (!digits.endsWith('=')) {
    return 0
  }
  return digits.endsWith('==') ? 2 : 1
}

/** The six bits of each digit, with a mark where only one of the alphabets has it. */
const values = new Int16Array(128).fill(-1)
const onlyStandard = 0x100
const onlyUrl = 0x200

Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', (digit, value) => {
  values[digit.charCodeAt(0)] = value
})
values['+'.charCodeAt(0)] = 62 | onlyStandard
values['/'.charCodeAt(0)] = 63 | onlyStandard
values['-'.charCodeAt(0)] = 62 | onlyUrl
values['_'.charCodeAt(0)] = 63 | onlyUrl

/** Returns false when one of the digits is none. */
function fill(bytes: Uint8Array, digits: string, count: number): boolean {
  let marks = 0
  let to = 0
  let bits = 0
  for (let from = 0; from < count; from++) {
    // Undefined, for a character beyond the table, counts as -1.
    const value = values[digits.charCodeAt(from)] ?? -1
    marks |= value
    bits = (bits << 6) | (value & 0x3f)
    if ((from & 3) !== 0) {
      bytes[to++] = bits >> (6 - 2 * (from & 3))
    }
  }
  return marks >= 0 && (marks & (onlyStandard | onlyUrl)) !== (onlyStandard | onlyUrl)
}
