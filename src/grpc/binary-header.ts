/**
 * Where the value of a header whose name ends with `-bin` stops being base64, as Go counts it;
 * undefined where it is all right. With padding when its length says so, else without
 * (grpc-go's internal/transport/http_util.go and Go's encoding/base64).
 */
export function binaryHeaderFlaw(value: string): number | undefined {
  const isPadded = value.length % 4 === 0
  for (let at = 0; at < value.length; at++) {
    if (DIGIT.test(value[at] ?? '')) {
      continue
    }
    const place = at % 4
    if (!isPadded || value[at] !== '=' || place < 2) {
      return at
    }
    // The end: one sign behind three digits, two behind two.
    if (place === 2 && value[at + 1] !== '=') {
      return at
    }
    const end = at - place + 4
    return end < value.length ? end : undefined
  }
  // A digit alone is less than a byte.
  return value.length % 4 === 1 ? value.length - 1 : undefined
}

const DIGIT = /[A-Za-z\d+/]/
