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
  if (padded && length % 4 !== 0) {
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
const values = new Uint16Array(128).fill(0x8000)
const invalid = 0x8000
const onlyStandard = 0x100
const onlyUrl = 0x200

Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', (digit, value) => {
  values[digit.charCodeAt(0)] = value
})
values['+'.charCodeAt(0)] = 62 | onlyStandard
values['/'.charCodeAt(0)] = 63 | onlyStandard
values['-'.charCodeAt(0)] = 62 | onlyUrl
values['_'.charCodeAt(0)] = 63 | onlyUrl

/** Returns false when one of the digits is none, or both alphabets are in use. */
function fill(bytes: Uint8Array, digits: string, count: number): boolean {
  const whole = count - (count % 4)
  let marks = 0
  let to = 0
  for (let from = 0; from < whole; from += 4) {
    const first = valueAt(digits, from)
    const second = valueAt(digits, from + 1)
    const third = valueAt(digits, from + 2)
    const fourth = valueAt(digits, from + 3)
    marks |= first | second | third | fourth
    bytes[to++] = (first << 2) | ((second & 0x3f) >> 4)
    bytes[to++] = (second << 4) | ((third & 0x3f) >> 2)
    bytes[to++] = (third << 6) | (fourth & 0x3f)
  }
  if (whole < count) {
    const first = valueAt(digits, whole)
    // A last digit alone says too little for a byte: what is not there is invalid.
    const second = valueAt(digits, whole + 1)
    const third = whole + 2 < count ? valueAt(digits, whole + 2) : 0
    marks |= first | second | third
    // What does not fit is not kept.
    bytes[to++] = (first << 2) | ((second & 0x3f) >> 4)
    bytes[to] = (second << 4) | ((third & 0x3f) >> 2)
  }
  const both = onlyStandard | onlyUrl
  return (marks & invalid) === 0 && (marks & both) !== both
}

function valueAt(digits: string, position: number): number {
  return values[digits.charCodeAt(position)] ?? invalid
}
