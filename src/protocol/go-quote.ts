/** Bytes quoted as Go's strconv.Quote does it, which is how Go's errors show what they met. */

/** A byte in double quotes with its neighbours; what is no UTF-8 comes as `\xff`. */
export function quoteBytes(bytes: Uint8Array): string {
  let text = ''
  for (let position = 0; position < bytes.length;) {
    const character = characterAt(bytes, position)
    if (character === undefined) {
      text += `\\x${hex(bytes[position] ?? 0, 2)}`
      position++
    } else {
      text += quoteCharacter(character)
      position += new TextEncoder().encode(character).length
    }
  }
  return `"${text}"`
}

/** One byte in single quotes: encoding/json takes it for a character of Latin-1. */
export function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte)
  if (character === "'") {
    return "'\\''"
  }
  return character === '"' ? `'"'` : `'${quoteCharacter(character)}'`
}

/** What Go prints as it is: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

const escapes = new Map([
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['"', '\\"'],
  ['\\', '\\\\'],
])

function quoteCharacter(character: string): string {
  const known = escapes.get(character)
  if (known !== undefined) {
    return known
  }
  if (printable.test(character)) {
    return character
  }
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20 || code === 0x7f) {
    return `\\x${hex(code, 2)}`
  }
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** undefined when the bytes from the position on do not begin with a whole character. */
function characterAt(bytes: Uint8Array, position: number): string | undefined {
  const lead = bytes[position] ?? 0
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const sequence = bytes.subarray(position, position + length)
  const text = utf8.decode(sequence)
  const [character = ''] = text
  const again = new TextEncoder().encode(character)
  // What is no UTF-8 decodes to U+FFFD, of which these are not the bytes.
  return character === text && again.every((byte, index) => byte === sequence[index])
    ? character
    : undefined
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
