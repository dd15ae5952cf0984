import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesOfText, textOfBytes } from '../../src/protocol/byte-text.ts'
import type { V2Answered, V2KeysCall } from '../../src/protocol/v2-call.ts'
import {
  decodeV2Answer,
  decodeV2Call,
  encodeV2Answer,
  encodeV2Call,
} from '../../src/protocol/v2-wire.ts'
import { runs } from '../runs.ts'

const uint64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
/** Whatever bytes a client sends. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((some) => textOfBytes(bytesOfText(some))),
  fc.uint8Array().map(textOfBytes),
  fc.constantFrom('', 'none', '\udc80\udcff'),
)

const call: fc.Arbitrary<V2KeysCall> = fc.record({
  on: fc.constant('keys' as const),
  method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE'),
  path: text,
  askedPath: text,
  value: text,
  dir: fc.boolean(),
  prevValue: text,
  prevIndex: uint64,
  prevExist: fc.option(fc.boolean(), { nil: undefined }),
  ttl: fc.option(uint64, { nil: undefined }),
  refresh: fc.boolean(),
  recursive: fc.boolean(),
  quorum: fc.boolean(),
  wait: fc.boolean(),
  stream: fc.boolean(),
  waitIndex: uint64,
  noValueOnSuccess: fc.boolean(),
  credentials: fc.oneof(
    fc.constantFrom('none' as const, 'malformed' as const),
    fc.record({ user: text, password: text }),
    fc.record({ commonName: text }),
  ),
})

it('[V2K27] a call is the same at the other end of the link', () => {
  fc.assert(
    fc.property(call, (asked) => {
      expect(decodeV2Call(encodeV2Call(asked))).toEqual(asked)
    }),
    { numRuns: runs(2000) },
  )
})

it('[V2K27] so is an answer', () => {
  const answer: fc.Arbitrary<V2Answered> = fc.record({
    header: fc.record({
      clusterId: uint64,
      etcdIndex: fc.nat(),
      raftIndex: fc.nat(),
      raftTerm: fc.nat(),
    }),
    body: fc.uint8Array(),
    isCreated: fc.boolean(),
  })
  fc.assert(
    fc.property(answer, (answered) => {
      expect(decodeV2Answer(encodeV2Answer(answered))).toEqual(answered)
    }),
    { numRuns: runs(2000) },
  )
  const refusal = { code: 101, cause: '[\n != "x"]', index: 7 } as const
  const refused = { header: { clusterId: 5n }, refusal }
  expect(decodeV2Answer(encodeV2Answer(refused))).toEqual(refused)
})
