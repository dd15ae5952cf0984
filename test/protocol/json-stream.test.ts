import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonSplitter } from '../../src/protocol/json-stream.ts'
import { RpcStatus } from '../../src/protocol/status.ts'
import { utf8 } from './golden-file.ts'

interface Split {
  readonly values: readonly string[]
  readonly refusal: string | undefined
}

/** All that comes out when the chunks go in and the input ends. */
function split(chunks: readonly Uint8Array[], valueBytesMax = 1_000): Split {
  const splitter = new JsonSplitter(valueBytesMax)
  const values: string[] = []
  const keep = (found: Iterable<Uint8Array>): void => {
    for (const value of found) {
      values.push(new TextDecoder().decode(value))
    }
  }
  try {
    for (const chunk of chunks) {
      keep(splitter.push(chunk))
    }
    keep(splitter.end())
  } catch (error) {
    if (error instanceof RpcStatus) {
      return { values, refusal: `${error.code} ${error.message}` }
    }
    throw error
  }
  return { values, refusal: undefined }
}

const good = [
  '{"create_request":{"key":"Zm9v\\"","filters":[0,{"a":[]}]}}',
  '{}',
  '[1,[2]]',
  '"é\\u00e9\\\\"',
  'true',
  '-1.5e+3',
  '0',
  'null',
]

describe('JsonSplitter', () => {
  it('[JSN18] finds the same values wherever the input is cut in two', () => {
    const input = utf8(` ${good.join('\n')}\n${good.slice(0, 3).join('')} `)
    for (let at = 0; at <= input.length; at++) {
      const found = split([input.subarray(0, at), input.subarray(at)])
      expect(found).toEqual({ values: [...good, ...good.slice(0, 3)], refusal: undefined })
    }
  })

  it('[JSN18] finds them in chunks of any sizes', () => {
    const inputs = fc.array(fc.constantFrom(...good), { maxLength: 8 })
    const sizes = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(inputs, sizes, (values, chunkSizes) => {
        let rest = utf8(values.join(' '))
        const chunks: Uint8Array[] = []
        for (const size of chunkSizes) {
          chunks.push(rest.subarray(0, size))
          rest = rest.subarray(size)
        }
        expect(split([...chunks, rest])).toEqual({ values, refusal: undefined })
      }),
    )
  })

  it('[JSN18] yields an object with its last byte, a number with the byte after it', () => {
    const splitter = new JsonSplitter(100)
    expect([...splitter.push(utf8('{"a":1'))]).toEqual([])
    expect([...splitter.push(utf8('} 4'))]).toEqual([utf8('{"a":1}')])
    expect([...splitter.push(utf8('2'))]).toEqual([])
    expect([...splitter.push(utf8('{'))]).toEqual([utf8('42')])
    expect([...splitter.push(utf8('}'))]).toEqual([utf8('{}')])
    expect([...splitter.end()]).toEqual([])
  })

  it('[JSN19] yields what is good before it refuses what is not', () => {
    const cases = [
      ['{}{}x', "3 invalid character 'x' looking for beginning of value"],
      ['{}{}{"a"}', "3 invalid character '}' after object key"],
      ['{} {}\n{"a":1', '3 unexpected EOF'],
      ['{} {} "abc', '3 unexpected EOF'],
      ['{} {} tru', '3 unexpected EOF'],
      ['{}{},', "3 invalid character ',' looking for beginning of value"],
    ] as const
    for (const [input, refusal] of cases) {
      const bytes = utf8(input)
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte))
      expect(split([bytes])).toEqual({ values: ['{}', '{}'], refusal })
      expect(split(single)).toEqual({ values: ['{}', '{}'], refusal })
    }
  })

  it('[JSN19] takes input without a value for its end', () => {
    for (const input of ['', ' ', '\n\t\r ']) {
      expect(split([utf8(input)])).toEqual({ values: [], refusal: undefined })
    }
  })

  it('[JSN20] holds no more of a value than is allowed', () => {
    const fits = `"${'x'.repeat(98)}"`
    const refusal = '8 grpc: received message larger than max (101 vs. 100)'
    expect(split([utf8(`${fits} ${fits}`)], 100)).toEqual({
      values: [fits, fits],
      refusal: undefined,
    })
    expect(split([utf8(`{} "${'x'.repeat(99)}"`)], 100)).toEqual({ values: ['{}'], refusal })
    const drops = Array.from({ length: 102 }, () => utf8('['))
    expect(split(drops, 100)).toEqual({ values: [], refusal })
    expect(split([utf8(' '.repeat(500)), utf8(fits)], 100).values).toEqual([fits])
  })
})
