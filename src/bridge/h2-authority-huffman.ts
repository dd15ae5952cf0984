/**
 * The symbols of HPACK's Huffman code that have up to 15 bits, which are all that authorities have
 * (RFC 7541 appendix B). The code is canonical: codes of a length count up in the order of their
 * symbols, and go on from those of the length before.
 */
const symbolsByBits: readonly (readonly [bits: number, symbols: string])[] = [
  [5, '012aceiost'],
  [6, ' %-./3456789=A_bdfghlmnpru'],
  [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  [8, '&*,;XZ'],
  [10, '!"()?'],
  [11, "'+|"],
  [12, '#>'],
  [13, '\0$@[]~'],
  [14, '^}'],
  [15, '<`{'],
]

/** Codes as strings of bits: what reads them is rare and short. */
const codes = new Map(listCodes())
const symbols = new Map([...codes].map(([symbol, code]) => [code, symbol]))

function* listCodes(): Generator<[symbol: string, code: string]> {
  let next = 0
  let before = 0
  for (const [bits, ofLength] of symbolsByBits) {
    next <<= bits - before
    before = bits
    for (const symbol of ofLength) {
      yield [symbol, next.toString(2).padStart(bits, '0')]
      next++
    }
  }
}

/** The codes of a text of which all symbols are in the table, as bits. */
export function huffmanBits(text: string): string {
  let bits = ''
  for (const symbol of text) {
    const code = codes.get(symbol)
    if (code === undefined) {
      throw new Error(`no Huffman code for ${JSON.stringify(symbol)}`)
    }
    bits += code
  }
  return bits
}

/** The text, or undefined where there are symbols of more than 15 bits, or the end is malformed. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  let text = ''
  let code = ''
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, '0')) {
      code += bit
      const symbol = symbols.get(code)
      if (symbol !== undefined) {
        text += symbol
        code = ''
      } else if (code.length > 15) {
        return undefined
      }
    }
  }
  // The last octet is filled up with ones.
  return code.length < 8 && !code.includes('0') ? text : undefined
}

/** Bits in bytes, the last of which is filled up with ones. */
export function packBits(bits: string): Buffer {
  const octets = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1').match(/.{8}/g) ?? []
  return Buffer.from(octets.map((octet) => Number.parseInt(octet, 2)))
}
