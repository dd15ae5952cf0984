import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LeaseGrantRequest,
  MemberAddRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  WatchCreateRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { decodeJson, decodeJsonValue } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import { create, type MessageFields, type MessageType } from '../../src/protocol/message-type.ts'
import { routes } from '../../src/protocol/methods.ts'
import { httpStatus, RpcStatus } from '../../src/protocol/status.ts'
import { runs } from '../runs.ts'
import { fromBase64, readGolden, utf8 } from './golden-file.ts'
import { anyMessage } from './message-types.ts'

/** A body that a real etcd 3.7.1 refused, and how. The body is one of three. */
interface Refused {
  readonly path: keyof typeof routes
  readonly body?: string
  /** A body that is no UTF-8. */
  readonly body_base64?: string
  /** A long body: so many times that text. */
  readonly repeat?: string
  readonly times?: number
  readonly status: number
  readonly code: number
  readonly message: string
}

/** A body that a real etcd 3.7.1 took, and as which value of one field it took it. */
interface Accepted {
  readonly path: keyof typeof routes
  readonly body: string
  readonly field: string
  readonly value: string
}

function requestType(path: keyof typeof routes): MessageType<object> {
  return rpcMethods[routes[path]].request
}

function bodyOf({ body, body_base64: base64, repeat = '', times = 0 }: Refused): Uint8Array {
  return base64 === undefined ? utf8(body ?? repeat.repeat(times)) : fromBase64(base64)
}

function refusal(type: MessageType<object>, body: Uint8Array): RpcStatus {
  try {
    decodeJson(type, body)
  } catch (error) {
    if (error instanceof RpcStatus) {
      return error
    }
    throw error
  }
  throw new Error('the body was taken')
}

describe('what etcd answered', () => {
  const refused = readGolden('json-errors.jsonl') as readonly Refused[]
  const accepted = readGolden('json-accepted.jsonl') as readonly Accepted[]

  it.each(refused)('[JSN1] $path refuses with $message', (row) => {
    const { code, message } = refusal(requestType(row.path), bodyOf(row))
    const { status, code: wantedCode, message: wantedMessage } = row
    expect({ status: httpStatus(code), code, message }).toEqual({
      status,
      code: wantedCode,
      message: wantedMessage,
    })
  })

  it.each(accepted)('[JSN2] $path takes $body: $field = $value', ({ path, body, field, value }) => {
    const message = decodeJson(requestType(path), utf8(body)) as MessageFields
    const decoded = message[field]
    const printed =
      decoded instanceof Uint8Array ? Buffer.from(decoded).toString('base64') : decoded
    expect(String(printed)).toBe(value)
  })
})

describe('decodeJson', () => {
  it('[JSN3] reads what encodeJson prints, whatever the message', () => {
    fc.assert(
      fc.property(anyMessage, ({ type, message }) => {
        expect(decodeJson(type, utf8(encodeJson(type, message)))).toEqual(message)
      }),
      { numRuns: runs(1_000) },
    )
  })

  it('[JSN4] knows a field by its name in the .proto file and by its lowerCamelCase name', () => {
    const wanted = create(RangeRequest, { rangeEnd: utf8('z'), keysOnly: true, sortOrder: 2 })
    const proto = '{"range_end":"eg==","keys_only":true,"sort_order":"DESCEND"}'
    const camel = '{"rangeEnd":"eg==","keysOnly":true,"sortOrder":2}'
    const escaped = '{"\\u0072ange_end":"eg==","keys\\u004fnly":true,"sort_order":2.0}'
    for (const body of [proto, camel, escaped]) {
      expect(decodeJson(RangeRequest, utf8(body))).toEqual(wanted)
    }
  })

  it('[JSN5] passes over unknown fields with all that is in them', () => {
    const unknown = '"x":[{"key":"eA==","y":["]",{"z":"}"}]},null,-1.5e3,true,"\\"\\ud83d\\ude00"]'
    const body = `{${unknown},"key":"YQ==","RangeEnd":5,"__proto__":{"limit":1},"":"","[a.b]":{}}`
    expect(decodeJson(RangeRequest, utf8(body))).toEqual(create(RangeRequest, { key: utf8('a') }))
  })

  it('[JSN5] passes over the unknown name of an enum, but keeps an unknown number', () => {
    const body = '{"filters":["NOPUT","FOO",1,7,"constructor"],"watch_id":1}'
    const wanted = create(WatchCreateRequest, { filters: [0, 1, 7], watchId: 1 })
    expect(decodeJson(WatchCreateRequest, utf8(body))).toEqual(wanted)
    const order = decodeJson(RangeRequest, utf8('{"sort_order":"FOO","sort_target":-1}'))
    expect(order).toEqual(create(RangeRequest, { sortTarget: -1 }))
  })

  it('[JSN6] takes null for a field that was not given, also in a oneof', () => {
    const body =
      '{"compare":null,"success":[{"request_put":null,"request_range":{"limit":null}}],"failure":[]}'
    const wanted = create(TxnRequest, { success: [{ requestRange: RangeRequest.empty() }] })
    expect(decodeJson(TxnRequest, utf8(body))).toEqual(wanted)
  })

  it('[JSN7] takes an empty body for {}', () => {
    for (const body of ['', ' \r\n\t', '{}']) {
      expect(decodeJson(RangeRequest, utf8(body))).toEqual(RangeRequest.empty())
    }
  })

  it('[JSN7] reads the first JSON value and nothing after it', () => {
    const wanted = create(PutRequest, { key: utf8('a') })
    for (const rest of ['', ' ', '{}', 'x', '}', '"', '\u0000', '{"key":"Yg=="}']) {
      expect(decodeJson(PutRequest, utf8(`\n {"key":"YQ=="}${rest}`))).toEqual(wanted)
    }
  })

  it('[JSN8] reads txns nested to the limit of encoding/json without running out of stack', () => {
    const nestings = 3_333
    const body = `${'{"success":[{"request_txn":'.repeat(nestings)}{}${'}]}'.repeat(nestings)}`
    let txn: TxnRequest | undefined = decodeJson(TxnRequest, utf8(body))
    let depth = 0
    for (; txn.success.length > 0; depth++) {
      txn = txn.success[0]?.requestTxn ?? TxnRequest.empty()
    }
    expect(depth).toBe(nestings)
  })

  it('[JSN8] passes over unknown values nested to the limit', () => {
    const body = `{"x":${'['.repeat(9_999)}${']'.repeat(9_999)},"key":"YQ=="}`
    expect(decodeJson(PutRequest, utf8(body)).key).toEqual(utf8('a'))
  })

  it('[JSN9] keeps all 64 bits of an id and reads text of every kind', () => {
    const ids = ['9223372036854775807', '-9223372036854775808', '9007199254740993']
    for (const ID of ids) {
      expect(decodeJson(LeaseGrantRequest, utf8(`{"ID":${ID}}`)).ID).toBe(BigInt(ID))
    }
    const text = '\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9é😀\\ud83d\\ude00\\u0000\u007f\u2028\ufeff'
    const wanted = '"\\/\b\f\n\r\téé😀😀\u0000\u007f\u2028\ufeff'
    const { peerURLs } = decodeJson(MemberAddRequest, utf8(`{"peerURLs":["","${text}"]}`))
    expect(peerURLs).toEqual(['', wanted])
  })

  it('[JSN21] reads each byte of a hostile body a few times at most', () => {
    // A megabyte each: whoever looked back or ahead from every place would not end.
    const times = 150_000
    const strings = [
      ['\\n', '\n'],
      ['\\"', '"'],
      ['\\ud83d\\ude00', '😀'],
      ['\\u0041\ufffd', 'A\ufffd'],
    ] as const
    for (const [escaped, plain] of strings) {
      const body = utf8(`{"peerURLs":["${escaped.repeat(times)}"]}`)
      const { peerURLs } = decodeJson(MemberAddRequest, body)
      expect(peerURLs[0] === plain.repeat(times)).toBe(true)
    }
    const zeros = '0'.repeat(1_000_000)
    for (const number of [
      `0.${zeros}1`,
      `1.${zeros}1`,
      `1${zeros}`,
      `"1.${zeros}x"`,
      `"1e${zeros}99"`,
    ]) {
      const message = refusal(LeaseGrantRequest, utf8(`{"TTL":${number}}`)).message
      const wanted = `proto:\u00a0(line 1:8): invalid value for int64 field TTL: ${number}`
      expect(message === wanted).toBe(true)
    }
    expect(decodeJson(LeaseGrantRequest, utf8(`{"TTL":1e${zeros}9}`)).TTL).toBe(1e9)
    const names = utf8(`{${'"x":"\\n",'.repeat(times)}"TTL":5}`)
    expect(decodeJson(LeaseGrantRequest, names).TTL).toBe(5)
  })

  it('[JSN10] answers any bytes with a message or with a refusal', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: 'binary' }).map(utf8),
      fc.json().map(utf8),
      damaged,
    )
    fc.assert(
      fc.property(bytes, (body) => {
        expect(outcome(body)).toMatch(
          /^(taken|refused: (invalid char|unexpected EOF|proto:\u00a0).*)$/s,
        )
      }),
      { numRuns: runs(2_000) },
    )
  })
})

const sample = utf8('{"compare":[{"key":"YQ==","modRevision":"3"}],"success":[{"requestPut":{}}]}')

/** A good body of which one byte is another. */
const damaged = fc
  .record({ at: fc.nat({ max: sample.length - 1 }), byte: fc.nat({ max: 255 }) })
  .map(({ at, byte }) => sample.with(at, byte))

function outcome(body: Uint8Array): string {
  try {
    decodeJson(TxnRequest, body)
    return 'taken'
  } catch (error) {
    return error instanceof RpcStatus ? `refused: ${error.message}` : `broken: ${String(error)}`
  }
}

describe('decodeJsonValue', () => {
  it('[JSN7] reads a value that the splitter found', () => {
    const value = utf8('{"key":"YQ=="}')
    expect(decodeJsonValue(PutRequest, value)).toEqual(create(PutRequest, { key: utf8('a') }))
  })
})
