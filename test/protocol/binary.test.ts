import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, sizeOf } from '../../src/protocol/binary.ts'
import {
  Compare,
  KeyValue,
  LeaseGrantRequest,
  Member,
  PutRequest,
  RangeResponse,
  ResponseHeader,
  SnapshotResponse,
  TxnRequest,
  WatchCreateRequest,
  WatchRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { WireError } from '../../src/protocol/wire.ts'
import { runs } from '../runs.ts'
import { fromBase64, readGolden, toBase64, utf8 } from './golden-file.ts'
import { anyMessage, messageType, messageTypes } from './message-types.ts'
import { reflectedEncode } from './reflection.ts'

interface Recorded {
  readonly type: string
  readonly binary: string
}

describe('encode and decode', () => {
  it("[PRO1] speaks of every message as etcd's own types do", () => {
    const recorded = readGolden('messages.jsonl') as readonly Recorded[]
    const names = new Set(recorded.map(({ type }) => type))
    expect([...names].toSorted()).toEqual(messageTypes.map(({ name }) => name).toSorted())
    const rewritten = recorded.map(({ type: name, binary }) => {
      const type = messageType(name)
      return { type: name, binary: toBase64(encode(type, decode(type, fromBase64(binary)))) }
    })
    expect(rewritten).toEqual(recorded.map(({ type, binary }) => ({ type, binary })))
  })

  it('[PRO2] gives back what went in, through the same bytes as another library', () => {
    fc.assert(
      fc.property(anyMessage, ({ type, message }) => {
        const bytes = encode(type, message)
        expect(toBase64(bytes)).toBe(toBase64(reflectedEncode(type, message)))
        expect(decode(type, bytes)).toEqual(message)
      }),
      { numRuns: runs(1_000) },
    )
  })

  it('[PRO3] knows the size before', () => {
    fc.assert(
      fc.property(anyMessage, ({ type, message }) => {
        expect(sizeOf(type, message)).toBe(encode(type, message).length)
      }),
    )
  })

  it('[PRO4] writes no zero, but a member of a oneof even if it is zero', () => {
    for (const type of messageTypes) {
      expect(encode(type, type.empty())).toEqual(new Uint8Array(0))
    }
    expect(encode(Compare, create(Compare, { version: 0 }))).toEqual(Uint8Array.of(0x20, 0))
    const progress = create(WatchRequest, { progressRequest: {} })
    expect(encode(WatchRequest, progress)).toEqual(Uint8Array.of(0x1a, 0))
  })

  it('[PRO5] keeps all 64 bits of an id, and of other integers what a number can hold', () => {
    for (const ID of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n]) {
      const request = create(LeaseGrantRequest, { ID })
      expect(decode(LeaseGrantRequest, encode(LeaseGrantRequest, request)).ID).toBe(ID)
    }
    const member = create(Member, { ID: 2n ** 64n - 1n })
    expect(decode(Member, encode(Member, member)).ID).toBe(2n ** 64n - 1n)
    for (const TTL of [2 ** 53, -(2 ** 53), -(2 ** 63), 2 ** 62]) {
      const request = create(LeaseGrantRequest, { TTL })
      expect(decode(LeaseGrantRequest, encode(LeaseGrantRequest, request)).TTL).toBe(TTL)
    }
  })

  it('[PRO6] writes the greatest integers for what rounding made one too many', () => {
    const signed = encode(LeaseGrantRequest, create(LeaseGrantRequest, { TTL: 2 ** 63 }))
    expect(toBase64(signed)).toBe('CP//////////fw==')
    expect(decode(LeaseGrantRequest, signed).TTL).toBe(2 ** 63)
    const remainingBytes = 2 ** 64
    const unsigned = encode(SnapshotResponse, create(SnapshotResponse, { remainingBytes }))
    expect(toBase64(unsigned)).toBe('EP///////////wE=')
    expect(decode(SnapshotResponse, unsigned).remainingBytes).toBe(remainingBytes)
  })
})

describe('decode', () => {
  it('[PRO7] passes over unknown fields of every kind, and known ones of another wire type', () => {
    const known = encode(PutRequest, create(PutRequest, { key: utf8('k'), lease: 7n }))
    const strangers = [
      [0x78, 0x05],
      [0x79, 1, 2, 3, 4, 5, 6, 7, 8],
      [0x7a, 2, 0xff, 0xff],
      [0x7d, 1, 2, 3, 4],
      [0x7b, 0x08, 0x01, 0x7b, 0x7c, 0x12, 0x01, 0x00, 0x7c],
      [0x18 | 2, 1, 9],
      [0x0d, 1, 2, 3, 4],
      [0xfa, 0xff, 0xff, 0xff, 0x0f, 0],
    ]
    for (const stranger of strangers) {
      const bytes = Uint8Array.of(...stranger, ...known, ...stranger)
      expect(encode(PutRequest, decode(PutRequest, bytes))).toEqual(known)
    }
  })

  it('[PRO8] refuses a message that is cut off, wherever that is not between two fields', () => {
    const kv = create(KeyValue, { key: utf8('key'), modRevision: 300, value: utf8('value') })
    const header = create(ResponseHeader, { memberId: 2n ** 63n, revision: 300 })
    const whole = encode(RangeResponse, create(RangeResponse, { header, kvs: [kv], count: 1 }))
    const between = [
      new Uint8Array(0),
      encode(RangeResponse, create(RangeResponse, { header })),
      encode(RangeResponse, create(RangeResponse, { header, kvs: [kv] })),
    ]
    for (const bytes of between) {
      expect(encode(RangeResponse, decode(RangeResponse, bytes))).toEqual(bytes)
    }
    const lengths = [...whole.keys()].filter((cut) => between.every(({ length }) => length !== cut))
    expect(lengths.length).toBe(whole.length - between.length)
    for (const length of lengths) {
      expect(() => decode(RangeResponse, whole.subarray(0, length))).toThrow(WireError)
    }
  })

  it.each([
    ['a field number of zero', [0x00, 0x01]],
    ['a field number of more than 29 bits', [0x80, 0x80, 0x80, 0x80, 0x10, 0x01]],
    ['wire type 6', [0x7e, 0x01]],
    ['wire type 7', [0x7f, 0x01]],
    ['a varint of eleven bytes', [0x18, ...Array.from({ length: 10 }, () => 0x80), 0x01]],
    ['a varint of 65 bits', [0x18, ...Array.from({ length: 9 }, () => 0xff), 0x02]],
    ['a length beyond all memory', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a group that does not end', [0x7b, 0x08, 0x01]],
    ['a group that did not begin', [0x7c]],
    ['a group that ends as another', [0x7b, 0x74]],
  ])('[PRO8] refuses %s', (_what, bytes) => {
    expect(() => decode(PutRequest, Uint8Array.from(bytes))).toThrow(WireError)
  })

  it('[PRO8] refuses a string that is no UTF-8', () => {
    expect(() => decode(Member, Uint8Array.of(0x12, 1, 0xff))).toThrow(WireError)
  })

  it('[PRO9] lets the last member of a oneof win', () => {
    const version = encode(Compare, create(Compare, { version: 5 }))
    const value = encode(Compare, create(Compare, { value: utf8('v') }))
    const both = decode(Compare, Uint8Array.of(...version, ...value))
    expect(both).toEqual(create(Compare, { value: utf8('v') }))
    const create1 = encode(WatchRequest, { createRequest: WatchCreateRequest.empty() })
    const cancel = encode(WatchRequest, { cancelRequest: { watchId: 3 } })
    const last = decode(WatchRequest, Uint8Array.of(...create1, ...cancel))
    expect(last).toEqual({ cancelRequest: { watchId: 3 } })
  })

  it('[PRO9] joins two messages by joining their bytes', () => {
    const [a, b] = ['a', 'b'].map((key) => create(KeyValue, { key: utf8(key) }))
    const first = { header: create(ResponseHeader, { revision: 3 }), kvs: [a ?? KeyValue.empty()] }
    const second = { header: create(ResponseHeader, { raftTerm: 4 }), kvs: [b ?? KeyValue.empty()] }
    const joined = Uint8Array.of(
      ...encode(RangeResponse, create(RangeResponse, first)),
      ...encode(RangeResponse, create(RangeResponse, second)),
    )
    const header = create(ResponseHeader, { revision: 3, raftTerm: 4 })
    const kvs = [...first.kvs, ...second.kvs]
    expect(decode(RangeResponse, joined)).toEqual(create(RangeResponse, { header, kvs }))
  })

  it('[PRO9] takes a list of numbers packed, one by one, or both', () => {
    const bytes = Uint8Array.of(0x28, 1, 0x2a, 3, 0, 1, 0, 0x28, 0, 0x2a, 0)
    expect(decode(WatchCreateRequest, bytes).filters).toEqual([1, 0, 1, 0, 0])
  })

  it('[PRO10] takes and measures messages 10,000 deep, as grpc-go does, and refuses the next', () => {
    let deepest = decode(TxnRequest, nested(9_999))
    let depth = 1
    for (let next = txnWithin(deepest); next !== undefined; next = txnWithin(deepest)) {
      deepest = next
      depth += 2
    }
    expect(depth).toBe(9_999)
    expect(sizeOf(TxnRequest, decode(TxnRequest, nested(9_999)))).toBe(nested(9_999).length)
    expect(() => decode(TxnRequest, nested(10_001))).toThrow(WireError)
  })

  it('[PRO11] shows bytes where they lie instead of copying them', () => {
    const bytes = encode(PutRequest, create(PutRequest, { key: utf8('key') }))
    expect(decode(PutRequest, bytes).key.buffer).toBe(bytes.buffer)
  })
})

function txnWithin(txn: TxnRequest): TxnRequest | undefined {
  return txn.success[0]?.requestTxn
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** Txns in operations of txns. Each step from the inside out puts a tag and a length before. */
function nested(messages: number): Uint8Array {
  const heads: (readonly number[])[] = []
  let size = 0
  for (let depth = messages; depth > 1; depth--) {
    const head = [depth % 2 === 0 ? 0x12 : 0x22, ...varint(size)]
    heads.push(head)
    size += head.length
  }
  return Uint8Array.from(heads.toReversed().flat())
}
