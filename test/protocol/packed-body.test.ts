import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packBody, unpackBody } from '../../src/protocol/packed-body.ts'
import { runs } from '../runs.ts'

const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 40 }),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    // Integers as names would come first, and `__proto__` is none.
    fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}))

describe('a body of HTTP with bytes in JSON', () => {
  it('[CLU40] says what was packed, bytes and bigints in it, wherever it begins', () => {
    fc.assert(
      fc.property(value, fc.nat(9), (packed, before) => {
        const body = packBody(packed)
        const within = new Uint8Array(before + body.length)
        within.set(body, before)
        expect(unpackBody(within.subarray(before))).toEqual(packed)
      }),
      { numRuns: runs(400) },
    )
  })

  it('[CLU40] leaves out what is undefined', () => {
    expect(unpackBody(packBody({ a: undefined, b: Uint8Array.of(1) }))).toEqual({
      b: Uint8Array.of(1),
    })
  })
})
