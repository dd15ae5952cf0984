const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What stands for the bytes 0x80 to 0xff that are no UTF-8: 0xdc80 to 0xdcff, halves of no character. */
const STRAY = 0xdc00

/**
 * A Go string as a JavaScript string: UTF-8, in which a byte that is not part of any character is a
 * lone surrogate, so that all bytes can be told apart and had back.
 */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return decodeStray(bytes)
  }
}

export function bytesOfText(text: string): Uint8Array {
  if (text.isWellFormed()) {
    return encoder.encode(text)
  }
  const parts: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code > STRAY && code <= STRAY + 0xff) {
      parts.push(code - STRAY)
    } else {
      parts.push(...encoder.encode(character))
    }
  }
  return Uint8Array.from(parts)
}

function decodeStray(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at)
    if (length === 0) {
      text += String.fromCharCode(STRAY + (bytes[at] ?? 0))
      at++
    } else {
      text += strict.decode(bytes.subarray(at, at + length))
      at += length
    }
  }
  return text
}

/** The length of the character that begins there; 0 for none. */
function characterAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + length > bytes.length) {
    return 0
  }
  try {
    strict.decode(bytes.subarray(at, at + length))
    return length
  } catch {
    return 0
  }
}
