/**
 * Integers as protojson reads them: from a number or a string, in any notation that comes out as a
 * whole number, within the range of the field's type (protobuf-go internal/encoding/json,
 * decode_number.go).
 */

/** A number at the start of a string: whatever comes after a delimiter is not looked at. */
const leading = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE](?:[+-]?\d+|(?=[^])))?(?![-+._a-zA-Z0-9])/

const parts = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE](.*))?$/

/** More than the greatest uint64 has. */
const digitsMax = 20

/** What Go's strings.TrimSpace would cut from the end, which makes protojson refuse the string. */
const spaceAtEnd = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/

/** The number that a string holds, as a token; undefined when it does not begin with one. */
export function numberInString(text: string): string | undefined {
  return spaceAtEnd.test(text) ? undefined : leading.exec(text)?.[0]
}

/** The value of a number token; undefined when it is no whole number or far out of range. */
export function integerOf(token: string): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponent = ''] = parts.exec(token) ?? []
  const integer = whole === '0' ? '' : whole
  const decimals = withoutTrailingZeros(fraction)
  if (integer === '' && decimals === '') {
    return 0n
  }
  const shift = exponent === '' ? 0 : Number(exponent)
  const digits =
    shift < 0 ? shiftedRight(integer, decimals, -shift) : shiftedLeft(integer, decimals, shift)
  if (digits === undefined || digits.length > digitsMax) {
    return undefined
  }
  return BigInt(sign + digits)
}

/** By hand: a pattern would look for the end of each run of zeros from each of its zeros. */
function withoutTrailingZeros(digits: string): string {
  let { length } = digits
  while (length > 0 && digits.charAt(length - 1) === '0') {
    length--
  }
  return digits.slice(0, length)
}

function shiftedLeft(integer: string, decimals: string, shift: number): string | undefined {
  if (decimals.length > shift || integer.length + shift > digitsMax) {
    return undefined
  }
  return integer + decimals + '0'.repeat(shift - decimals.length)
}

function shiftedRight(integer: string, decimals: string, shift: number): string | undefined {
  const kept = integer.length - shift
  if (decimals !== '' || kept < 0 || /[1-9]/.test(integer.slice(kept))) {
    return undefined
  }
  return integer.slice(0, kept)
}
