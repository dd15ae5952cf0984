import { ConnectionError, ErrorCode } from './frames.ts'

/** Bits of each octet's code, and those of the end of a string (RFC 7541 appendix B). */
// prettier-ignore
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]

const END_OF_STRING = 256

/** A place in the tree of codes: what each bit leads to, another place or a symbol. */
interface Node {
  readonly number: number
  readonly next: (Node | number | undefined)[]
}

/**
 * The code is canonical: codes count up in the order of their lengths, and of their symbols where those
 * are equal, so that the lengths alone tell it.
 */
function buildTree(): Node[] {
  const nodes: Node[] = [{ number: 0, next: [] }]
  const symbols = [...codeBits.keys()].toSorted((a, b) => bitsOf(a) - bitsOf(b) || a - b)
  let code = 0
  let before = 0
  for (const symbol of symbols) {
    const bits = bitsOf(symbol)
    code *= 2 ** (bits - before)
    before = bits
    let node = nodes[0]
    for (let place = bits - 1; place > 0 && node !== undefined; place--) {
      const bit = (code >>> place) & 1
      const next: Node | number = node.next[bit] ?? { number: nodes.length, next: [] }
      if (typeof next === 'number') {
        throw new Error('the code is no prefix code')
      }
      if (node.next[bit] === undefined) {
        nodes.push(next)
      }
      node.next[bit] = next
      node = next
    }
    if (node !== undefined) {
      node.next[code & 1] = symbol
    }
    code++
  }
  return nodes
}

function bitsOf(symbol: number): number {
  return codeBits[symbol] ?? 0
}

/** Four bits lead from a place to another, by at most one symbol: no code is shorter than five. */
const EMITS = 0x1_0000
const FAILS = 0x2_0000
const SYMBOL_SHIFT = 8
const NEXT_MASK = 0xff

/** By place × 16 + four bits: the next place, and the symbol on the way if there is one. */
const steps = new Int32Array(256 * 16)
/** Places where a string may end: behind less than a byte of ones (RFC 7541 §5.2). */
const mayEnd = new Uint8Array(256)

function fillSteps(): void {
  const nodes = buildTree()
  const [root] = nodes
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let at: Node | number | undefined = node
      let step = 0
      for (let place = 3; place >= 0; place--) {
        at = (at as Node).next[(nibble >> place) & 1]
        if (at === undefined || at === END_OF_STRING) {
          step = FAILS
          break
        }
        if (typeof at === 'number') {
          step = EMITS | (at << SYMBOL_SHIFT)
          at = root
        }
      }
      const next = typeof at === 'object' ? at.number : 0
      steps[node.number * 16 + nibble] = step | next
    }
  }
  let padding: Node | number | undefined = root
  for (let bits = 0; bits < 8 && typeof padding === 'object'; bits++) {
    mayEnd[padding.number] = 1
    padding = padding.next[1]
  }
}

fillSteps()

const SCRATCH_BYTES = 4096
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** Text of a character for each byte. Throws ConnectionError for what is no such code. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  const bytesMax = Math.ceil(((end - start) * 8) / 5)
  const text = bytesMax <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafe(bytesMax)
  let length = 0
  let place = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = steps[(place << 4) | ((byte >> shift) & 15)] ?? FAILS
      if (step >= EMITS) {
        if (step >= FAILS) {
          throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, 'no Huffman code')
        }
        text[length++] = (step >> SYMBOL_SHIFT) & 0xff
      }
      place = step & NEXT_MASK
    }
  }
  if (mayEnd[place] !== 1) {
    throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, 'a Huffman code is cut off')
  }
  return text.toString('latin1', 0, length)
}
