import { describe, expect, it } from 'vitest'
import { EngineError } from '../../src/mvcc/errors.ts'
import {
  Code,
  fromEngineError,
  httpStatus,
  jsonErrorBody,
  jsonStreamError,
  RpcStatus,
  statusKinds,
  statusOf,
} from '../../src/protocol/status.ts'
import { readGolden } from './golden-file.ts'

interface Recording {
  readonly status: number
  readonly content_type: string
  readonly response: string
}

interface ErrorBody {
  readonly code: number
  readonly message: string
}

describe('the table', () => {
  it('[STA1] has the code, the words and the HTTP status of what etcd was heard to refuse', () => {
    const texts = new Map(statusKinds.map(statusOf).map((status) => [status.message, status.code]))
    const heard = ['kv.jsonl', 'lease-lock-election-maintenance-cluster.jsonl']
      .flatMap((file) => readGolden(file) as readonly Recording[])
      .filter(({ status, content_type: type }) => status >= 400 && type === 'application/json')
      .map(({ status, response }) => ({ status, ...(JSON.parse(response) as ErrorBody) }))
      .filter(({ message }) => texts.has(message))
    expect(new Set(heard.map(({ message }) => message)).size).toBeGreaterThan(15)
    for (const { status, code, message } of heard) {
      // The lock and election services pass on the words of another service without its code.
      const known = code === Code.UNKNOWN ? Code.UNKNOWN : texts.get(message)
      expect({ status, code, message }).toEqual({
        status: httpStatus(known ?? 0),
        code: known,
        message,
      })
    }
  })

  it('[STA2] gives each refusal of the engine its words', () => {
    const { code, message } = fromEngineError(new EngineError('compacted'))
    expect(code).toBe(Code.OUT_OF_RANGE)
    expect(message).toBe('etcdserver: mvcc: required revision has been compacted')
  })

  it('[STA2] says no two things in the same words', () => {
    const texts = statusKinds.map((kind) => statusOf(kind).message)
    expect(new Set(texts).size).toBe(texts.length)
  })

  it('[STA3] gives each code the HTTP status of grpc-gateway', () => {
    const statuses = Object.values(Code).map(httpStatus)
    expect(statuses).toEqual([
      200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
    ])
  })
})

describe('in JSON', () => {
  it('[STA4] is the body of a unary answer, or the last line of a stream', () => {
    const status = statusOf('empty-key')
    const body = '{"code":3,"message":"etcdserver: key is not provided"}'
    expect(jsonErrorBody(status)).toBe(body)
    expect(jsonStreamError(status)).toBe(`{"error":${body}}`)
  })

  it('[STA4] leaves out zeros as every message does', () => {
    expect(jsonErrorBody(new RpcStatus(Code.OK, ''))).toBe('{}')
    expect(jsonErrorBody(new RpcStatus(Code.UNKNOWN, ''))).toBe('{"code":2}')
  })

  it('[STA4] escapes HTML in a stream alone', () => {
    const status = new RpcStatus(Code.UNKNOWN, '<"leader"> & \u2028')
    expect(jsonErrorBody(status)).toBe('{"code":2,"message":"<\\"leader\\"> & \u2028"}')
    expect(jsonStreamError(status)).toBe(
      '{"error":{"code":2,"message":"\\u003c\\"leader\\"\\u003e \\u0026 \\u2028"}}',
    )
  })
})
