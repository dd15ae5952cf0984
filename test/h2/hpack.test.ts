import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Field } from '../../src/h2/field.ts'
import { ConnectionError } from '../../src/h2/frames.ts'
import { HpackDecoder } from '../../src/h2/hpack-decoder.ts'
import { HpackEncoder } from '../../src/h2/hpack-encoder.ts'
import { RequestMemo } from '../../src/h2/request-memo.ts'
import { runs } from '../runs.ts'
import { HpackWriter, type WrittenField } from './hpack-writer.ts'

function text(fields: readonly Field[]): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`)
}

const example = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
const later = [':method: GET', ':scheme: https', ':path: /index.html']

describe('the examples of RFC 7541', () => {
  it.for([
    {
      section: 'C.3',
      blocks: [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
    },
    {
      section: 'C.4, in Huffman codes',
      blocks: [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    },
  ])('[HPK1] of $section are read', ({ blocks }) => {
    const decoder = new HpackDecoder()
    const read = blocks.map((hex) => text(decoder.decode(Buffer.from(hex, 'hex')).fields))
    expect(read).toEqual([
      example,
      [...example, 'cache-control: no-cache'],
      [...later, ':authority: www.example.com', 'custom-key: custom-value'],
    ])
  })
})

function outcomeOf(bytes: Buffer): string {
  try {
    new HpackDecoder().decode(bytes)
    return 'read'
  } catch (error) {
    return error instanceof ConnectionError ? 'refused' : String(error)
  }
}

const name = fc.constantFrom('a', 'content-type', 'grpc-timeout', ':path', 'x'.repeat(200))
const value = fc.oneof(
  fc.constantFrom('', '/', 'GET', 'z'.repeat(1000)),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
)
const how = fc.constantFrom<WrittenField['how']>('indexed', 'added', 'literal', 'never')
const written = fc.record<WrittenField>({ name, value, how })
const block = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 4096 }), { maxLength: 2 }),
  fields: fc.array(written, { maxLength: 12 }),
})

describe('blocks', () => {
  it('[HPK2] are read as they were written, whatever the table was and becomes', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        const writer = new HpackWriter()
        const decoder = new HpackDecoder()
        for (const { sizes, fields } of blocks) {
          const bytes = Buffer.concat([
            ...sizes.map((size) => writer.resize(size)),
            ...fields.map((field) => writer.write(field)),
          ])
          expect(text(decoder.decode(bytes).fields)).toEqual(text(fields))
        }
      }),
      { numRuns: runs(500) },
    )
  })

  it('[HPK3] of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(outcomeOf(Buffer.from(bytes))).toMatch(/^(read|refused)$/)
      }),
      { numRuns: runs(2000) },
    )
  })

  it('[HPK3] that are cut within a field are refused', () => {
    const bytes = Buffer.from('418cf1e3c2e5f23a6ba0ab90f4ff', 'hex')
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(() => new HpackDecoder().decode(bytes.subarray(0, cut))).toThrow(ConnectionError)
    }
  })

  it.for([
    { what: 'an index beyond the table', hex: 'be' },
    { what: 'index 0', hex: '80' },
    { what: 'an integer without an end', hex: '7fffffffffff01' },
    { what: 'a table of more than 4096 bytes', hex: '3fe21f' },
    { what: 'a change of the table behind a field', hex: '8220' },
    { what: 'the end of a string as a Huffman code', hex: '0084ffffffff00' },
    { what: 'Huffman codes filled up with zeros', hex: '00811800' },
    { what: 'a whole byte of filling', hex: '00821fff00' },
  ])('[HPK3] with $what are refused', ({ hex }) => {
    expect(() => new HpackDecoder().decode(Buffer.from(hex, 'hex'))).toThrow(ConnectionError)
  })

  it('[HPK4] of more than 64 KiB or 1,000 fields are too long, and are read for the table', () => {
    const filler: WrittenField = { name: 'x', value: 'y'.repeat(1000), how: 'literal' }
    const tiny: WrittenField = { name: 'x', value: '', how: 'literal' }
    const last: WrittenField = { name: 'last', value: 'one', how: 'added' }
    for (const [field, count] of [
      [filler, 100],
      [tiny, 1001],
    ] as const) {
      const writer = new HpackWriter()
      const decoder = new HpackDecoder()
      const long = Array.from({ length: count }, () => writer.write(field))
      const { isTooLong } = decoder.decode(Buffer.concat([...long, writer.write(last)]))
      expect(isTooLong).toBe(true)
      const next = decoder.decode(writer.write({ ...last, how: 'indexed' }))
      expect({ ...next, fields: text(next.fields) }).toEqual({
        fields: ['last: one'],
        isTooLong: false,
      })
    }
  })

  it('[HPK5] are remembered only as long as they mean the same', () => {
    const writer = new HpackWriter()
    const memo = new RequestMemo(new HpackDecoder(), ({ fields }) => ({ read: text(fields) }))
    const a: WrittenField = { name: 'a', value: '1', how: 'added' }
    const indexed: WrittenField = { ...a, how: 'indexed' }
    memo.decode(writer.write(a))
    const first = memo.decode(writer.write(indexed))
    expect(memo.decode(writer.write(indexed))).toBe(first)
    memo.decode(writer.write({ name: 'b', value: '2', how: 'added' }))
    // The same byte is now another entry.
    expect(memo.decode(Buffer.from('be', 'hex')).read).toEqual(['b: 2'])
    expect(memo.decode(writer.write(indexed)).read).toEqual(['a: 1'])
  })
})

describe('responses', () => {
  const stock = [
    { name: 'grpc-status', value: '0' },
    { name: 'grpc-message', value: '' },
  ]
  const head = [
    { name: ':status', value: '200' },
    { name: 'content-type', value: 'application/grpc' },
  ]

  it('[HPK6] take a byte for each stock field that the client knows', () => {
    const encoder = new HpackEncoder()
    const decoder = new HpackDecoder()
    for (let count = 0; count < 3; count++) {
      for (const fields of [head, stock]) {
        const bytes = encoder.encode(fields)
        expect(text(decoder.decode(bytes).fields)).toEqual(text(fields))
        expect(bytes.length === fields.length).toBe(count > 0)
      }
    }
  })

  const response = fc.array(
    fc.oneof(fc.constantFrom(...head, ...stock), fc.record({ name, value })),
    { maxLength: 8 },
  )

  it('[HPK6] are read as they were written, whatever table the client wishes for', () => {
    const step = fc.record({
      tableBytes: fc.option(fc.integer({ min: 0, max: 10_000 })),
      fields: response,
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const encoder = new HpackEncoder()
        const decoder = new HpackDecoder()
        for (const { tableBytes, fields } of steps) {
          if (tableBytes !== null) {
            encoder.resize(tableBytes)
          }
          expect(text(decoder.decode(encoder.encode(fields)).fields)).toEqual(text(fields))
        }
      }),
      { numRuns: runs(500) },
    )
  })
})
