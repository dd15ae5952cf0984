import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rewriteAuthority } from '../../src/bridge/h2-authority-block.ts'
import { decodeHuffman, huffmanBits, packBits } from '../../src/bridge/h2-authority-huffman.ts'

const NAME = ':authority'
/** Representations with a value (RFC 7541 §6.2): their first bits, and the bits of the index. */
const representations = {
  incremental: [0x40, 6],
  withoutIndexing: [0x00, 4],
  neverIndexed: [0x10, 4],
} as const

interface Spelling {
  readonly representation: keyof typeof representations
  readonly name: 'index' | 'raw' | 'huffman'
  readonly isHuffman: boolean
}

function integer(first: number, prefixBits: number, value: number): Buffer {
  const prefixMax = 2 ** prefixBits - 1
  if (value < prefixMax) {
    return Buffer.from([first | value])
  }
  const bytes = [first | prefixMax]
  let rest = value - prefixMax
  for (; rest >= 128; rest >>= 7) {
    bytes.push((rest & 127) | 128)
  }
  return Buffer.from([...bytes, rest])
}

function literal(text: string, isHuffman: boolean): Buffer {
  const bytes = isHuffman ? packBits(huffmanBits(text)) : Buffer.from(text, 'latin1')
  return Buffer.concat([integer(isHuffman ? 0x80 : 0, 7, bytes.length), bytes])
}

function head({ representation, name }: Spelling): Buffer {
  const [first, prefixBits] = representations[representation]
  return name === 'index'
    ? integer(first, prefixBits, 1)
    : Buffer.concat([Buffer.from([first]), literal(NAME, name === 'huffman')])
}

/** A size update, :method POST, :scheme http, and :path as a literal with a name of the static table. */
const before = Buffer.concat([Buffer.from('3fe11f8386', 'hex'), literal('', false).subarray(1)])
const path = Buffer.concat([integer(0x40, 6, 4), literal('/a/b#c', false)])
const after = Buffer.concat([integer(0x10, 4, 28), literal('/#', true), Buffer.from([0xbe])])

function blockOf(spelling: Spelling, authority: string): { block: Buffer; valueAt: number } {
  const start = Buffer.concat([before, path, head(spelling)])
  const block = Buffer.concat([start, literal(authority, spelling.isHuffman), after])
  return { block, valueAt: start.length }
}

/** A value shorter than 127 bytes. */
function valueAt(block: Buffer, at: number): string | undefined {
  const length = (block[at] ?? 0) & 127
  const bytes = block.subarray(at + 1, at + 1 + length)
  return (block[at] ?? 0) >= 128 ? decodeHuffman(bytes) : bytes.toString('latin1')
}

const spellings = fc.record<Spelling>({
  representation: fc.constantFrom('incremental', 'withoutIndexing', 'neverIndexed'),
  name: fc.constantFrom('index', 'raw', 'huffman'),
  isHuffman: fc.boolean(),
})
const urlCharacters = Array.from('abcxyzABCXYZ0129-._~:/?#[]@!$&\'()*+,;=%"> |')
const authorities = fc
  .array(fc.constantFrom(...urlCharacters), { maxLength: 60 })
  .map((characters) => characters.join(''))
const offending = /[ "#/<>?@\\^`{|}]/

describe('a block of headers', () => {
  it('[GRA2] has its authority rewritten, and nothing else', () => {
    fc.assert(
      fc.property(spellings, authorities, (spelling, authority) => {
        const { block, valueAt: at } = blockOf(spelling, authority)
        const end = block.length - after.length
        const original = Buffer.from(block)
        expect(rewriteAuthority(block)).toBe(offending.test(authority))
        expect(block.subarray(0, at + 1)).toEqual(original.subarray(0, at + 1))
        expect(block.subarray(end)).toEqual(original.subarray(end))
        const rewritten = valueAt(block, at) ?? ''
        expect(rewritten).not.toMatch(offending)
        expect(rewritten).toHaveLength(authority.length)
        const isKept = (character: string, place: number): boolean =>
          offending.test(character) || rewritten[place] === character
        expect(Array.from(authority).every(isKept)).toBe(true)
        expect(rewriteAuthority(block)).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })

  it('[GRA2] may have an authority of many bytes', () => {
    const spelling: Spelling = { representation: 'incremental', name: 'index', isHuffman: false }
    const { block } = blockOf(spelling, `#initially=[${'https://10.0.0.1:2379;'.repeat(20)}]`)
    expect(rewriteAuthority(block)).toBe(true)
    expect(block.includes(`-initially=[${'https:--10.0.0.1:2379;'.repeat(20)}]`)).toBe(true)
    expect(rewriteAuthority(block)).toBe(false)
  })

  it('[GRA2] keeps an authority that the dynamic table has, and headers of other names', () => {
    const block = Buffer.concat([
      Buffer.from('8386be81', 'hex'),
      integer(0, 4, 38),
      literal('http://x#', false),
      Buffer.from([0]),
      literal('authority', true),
      literal('http://x#', true),
    ])
    const original = Buffer.from(block)
    expect(rewriteAuthority(block)).toBe(false)
    expect(block).toEqual(original)
  })

  it('[GRA8] that ends early is kept', () => {
    fc.assert(
      fc.property(spellings, fc.nat(), (spelling, cut) => {
        const { block } = blockOf(spelling, 'http://127.0.0.1:2379')
        const start = block.subarray(0, cut % (block.length - after.length))
        const original = Buffer.from(start)
        expect(rewriteAuthority(start)).toBe(false)
        expect(start).toEqual(original)
      }),
    )
  })

  it('[GRA8] of any bytes can be read to its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const block = Buffer.from(bytes)
        rewriteAuthority(block)
        expect(block).toHaveLength(bytes.length)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a Huffman code', () => {
  // RFC 7541 appendix C.4.
  it.each([
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ])('[GRA2] is that of the standard: %s', (text, hex) => {
    expect(packBits(huffmanBits(text)).toString('hex')).toBe(hex)
    expect(decodeHuffman(Buffer.from(hex, 'hex'))).toBe(text)
  })

  it.each(['ffffffff', 'f1e3c2e5f23a6ba0ab90f4ffff', '00fffe', '40'])(
    '[GRA8] that is malformed is none: %s',
    (hex) => expect(decodeHuffman(Buffer.from(hex, 'hex'))).toBeUndefined(),
  )
})
