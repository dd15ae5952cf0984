import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import {
  AlarmRequest,
  Compare,
  KeyValue,
  LeaseGrantResponse,
  LeaseTimeToLiveResponse,
  Member,
  RangeResponse,
  ResponseHeader,
  SnapshotResponse,
  TxnResponse,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import {
  encodeJson,
  encodeJsonAround,
  encodeJsonElements,
  encodeJsonResult,
} from '../../src/protocol/json-encode.ts'
import { create } from '../../src/protocol/message-type.ts'
import { fromBase64, readGolden, utf8 } from './golden-file.ts'
import { messageOf, messageType } from './message-types.ts'

interface Recorded {
  readonly type: string
  readonly binary: string
  /** As the body of a unary answer, its spaces taken away. */
  readonly json: string
  /** As a line of a streaming answer. */
  readonly line: string
}

describe('encodeJson', () => {
  it("[JSN11] prints every message as etcd's own types are printed", () => {
    const recorded = readGolden('messages.jsonl') as readonly Recorded[]
    const printed = recorded.map(({ type: name, binary }) => {
      const type = messageType(name)
      const message = decode(type, fromBase64(binary))
      const json = encodeJson(type, message)
      return { type: name, binary, json, line: encodeJsonResult(type, message) }
    })
    expect(printed).toEqual(recorded)
  })

  it('[JSN12] leaves out zeros, but not empty messages and members of a oneof', () => {
    expect(encodeJson(RangeResponse, RangeResponse.empty())).toBe('{}')
    const txn = create(TxnResponse, {
      header: ResponseHeader.empty(),
      responses: [{ responseTxn: create(TxnResponse, { header: ResponseHeader.empty() }) }, {}],
    })
    const text = '{"header":{},"responses":[{"response_txn":{"header":{}}},{}]}'
    expect(encodeJson(TxnResponse, txn)).toBe(text)
    const compare = create(Compare, { value: new Uint8Array(0), rangeEnd: Uint8Array.of(0) })
    expect(encodeJson(Compare, compare)).toBe('{"value":"","range_end":"AA=="}')
  })

  it('[JSN13] prints an enum by name, and by number if it has none', () => {
    const named = create(AlarmRequest, { action: 2, alarm: 1 })
    expect(encodeJson(AlarmRequest, named)).toBe('{"action":"DEACTIVATE","alarm":"NOSPACE"}')
    expect(encodeJson(AlarmRequest, create(AlarmRequest, { action: 9, alarm: -1 }))).toBe(
      '{"action":9,"alarm":-1}',
    )
  })

  it('[JSN14] prints all digits of an integer, also of one that was rounded up', () => {
    const cases = [
      [2 ** 53 - 1, '9007199254740991'],
      [2 ** 62, '4611686018427387904'],
      [2 ** 63, '9223372036854775807'],
      [-(2 ** 63), '-9223372036854775808'],
    ] as const
    for (const [TTL, digits] of cases) {
      const response = create(LeaseGrantResponse, { TTL })
      expect(encodeJson(LeaseGrantResponse, response)).toBe(`{"TTL":"${digits}"}`)
    }
    const remainingBytes = 2 ** 64
    const snapshot = create(SnapshotResponse, { remainingBytes })
    expect(encodeJson(SnapshotResponse, snapshot)).toBe(
      '{"remaining_bytes":"18446744073709551615"}',
    )
  })

  it('[JSN15] escapes in a unary answer only what JSON asks for', () => {
    const name = '"\\/\b\f\n\r\t\u0000\u001f\u007f<>&\u2028\u2029é😀'
    const text = '\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u007f<>&\u2028\u2029é😀'
    expect(encodeJson(Member, create(Member, { name }))).toBe(`{"name":"${text}"}`)
  })

  it('[JSN15] escapes in a line of a stream what HTML and JavaScript could mistake too', () => {
    const cancelReason = '<a href="x">&\u2028\u2029\n'
    const text = '\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029\\n'
    expect(encodeJsonResult(WatchResponse, create(WatchResponse, { cancelReason }))).toBe(
      `{"result":{"cancel_reason":"${text}"}}`,
    )
  })

  it('[JSN16] prints bytes of any length in base64', () => {
    const lengths = [0, 1, 2, 3, 100, 6_143, 6_144, 6_145, 100_000]
    const keys = lengths.map((length) => Uint8Array.from({ length }, (_, index) => index * 7))
    const texts = keys.map((key) => `"${Buffer.from(key).toString('base64')}"`)
    const json = encodeJson(LeaseTimeToLiveResponse, create(LeaseTimeToLiveResponse, { keys }))
    expect(json).toBe(`{"keys":[${texts.join(',')}]}`)
  })
})

describe('pages', () => {
  it('[JSN17] are the text of the whole when joined, however they are cut', () => {
    fc.assert(
      fc.property(messageOf(RangeResponse, 1), fc.nat({ max: 3 }), (message, cut) => {
        const response = message as RangeResponse
        const pages = [response.kvs.slice(0, cut), response.kvs.slice(cut)]
        const [before, after] = encodeJsonAround(RangeResponse, response, 'kvs')
        const texts = pages
          .filter((page) => page.length > 0)
          .map((page) => encodeJsonElements(KeyValue, page))
        const whole = encodeJson(RangeResponse, response)
        // A list without elements is not named; a page by page answer begins before that is known.
        const wanted = response.kvs.length > 0 ? whole : JSON.stringify(withList(whole))
        expect(before + texts.join(',') + after).toBe(wanted)
      }),
    )
  })

  it('[JSN17] have no comma where there is nothing before or after them', () => {
    const around = encodeJsonAround(RangeResponse, RangeResponse.empty(), 'kvs')
    expect(around).toEqual(['{"kvs":[', ']}'])
    const kv = create(KeyValue, { key: utf8('a') })
    expect(encodeJsonElements(KeyValue, [kv, KeyValue.empty()])).toBe('{"key":"YQ=="},{}')
    expect(encodeJsonElements(KeyValue, [])).toBe('')
  })
})

function withList(json: string): object {
  const { header, ...rest } = JSON.parse(json) as { header?: object }
  return { ...(header === undefined ? {} : { header }), kvs: [], ...rest }
}
