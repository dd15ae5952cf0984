import { decodeHuffman, huffmanBits, packBits } from './h2-authority-huffman.ts'

/** Visible characters for which nghttp2, which is strict about authorities, resets the stream. */
const offending = /[ "#/<>?@\\^`{|}]/g

/** No name of a server is longer; longer ones are not worth the work. */
const LITERAL_BYTES_MAX = 4096

/**
 * Puts allowed characters in the place of the offending ones, in the bytes of an HPACK string, whose
 * text and bytes keep their lengths. True when there were any. Left as they are: characters beyond
 * ASCII, and a few that no URL has where they are compressed.
 */
export function rewriteLiteral(bytes: Buffer, isHuffman: boolean): boolean {
  if (bytes.length > LITERAL_BYTES_MAX) {
    return false
  }
  const rewritten = isHuffman ? rewriteHuffman(bytes) : rewriteRaw(bytes)
  rewritten?.copy(bytes)
  return rewritten !== undefined
}

function rewriteRaw(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1')
  const rewritten = text.replace(offending, '-')
  return rewritten === text ? undefined : Buffer.from(rewritten, 'latin1')
}

/**
 * Example: `/` has six bits, and so has `-`. `#` has twelve, as no allowed character has: thirteen
 * are taken where the filling of the last octet has one to give, else eleven.
 */
function rewriteHuffman(bytes: Buffer): Buffer | undefined {
  const text = decodeHuffman(bytes)
  if (text === undefined || text.search(offending) < 0) {
    return undefined
  }
  let filling = bytes.length * 8 - huffmanBits(text).length
  const rewritten = text.replace(offending, (symbol) => {
    const bits = huffmanBits(symbol).length
    const substitute = substituteOf(bits, filling)
    filling += bits - huffmanBits(substitute).length
    return substitute
  })
  return filling > 7 ? undefined : packBits(huffmanBits(rewritten))
}

/** An allowed character of so many bits, or about so many where there is none. */
function substituteOf(bits: number, filling: number): string {
  switch (bits) {
    case 6:
      return '-'
    case 10:
      return '!'
    case 11:
      return '+'
    case 12:
      return filling > 0 ? '$' : '+'
    default:
      return '$'
  }
}
