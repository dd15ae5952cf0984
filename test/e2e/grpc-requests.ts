import { encode } from '../../src/protocol/binary.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
// The random requests of the JSON suites as gRPC messages, and its answers as JSON ones.
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { type MethodName, routes } from '../../src/protocol/methods.ts'
import { Code, httpStatus } from '../../src/protocol/status.ts'
import {
  decodeResponse,
  type GrpcCallOptions,
  type GrpcClient,
  type ResponseOf,
} from './grpc-client.ts'
import { type GrpcReader, isRefusal } from './grpc-streams.ts'
import type { HttpAnswer, JsonObject } from './http.ts'
import type { Bounds } from './random-messages.ts'
import type { Message, RandomRequest } from './random-request.ts'
import { randomMessage } from './random-requests.ts'
import type { Random } from './random.ts'

/** Its body is protobuf. A range is streamed from time to time. */
export function randomGrpcRequest(random: Random, bounds: Bounds): RandomRequest {
  const { path: unary, message } = randomMessage(random, bounds)
  const isStreamed = unary === '/v3/kv/range' && random.chance(0.2) && isSound(message)
  const path = isStreamed ? RANGE_STREAM : unary
  // A grant that lost its id or its TTL would make a lease that each server names or ends by itself.
  return asGrpcRequest(random, { path, message, flaws: path === '/v3/lease/grant' ? 0 : 0.1 })
}

/** `flaws` is how likely a flaw is. */
export function asGrpcRequest(
  random: Random,
  { path, message, flaws: likelihood }: Message & { readonly flaws: number },
): RandomRequest {
  const body = encoded(methodAt(path), message)
  if (!random.chance(likelihood)) {
    return { path, message, body }
  }
  const flaws = {
    'unknown fields': () => Buffer.concat([random.pick(unknownFields), body]),
    'all fields twice': () => Buffer.concat([body, body]),
    'truncated': () => body.subarray(0, random.integer(0, body.length)),
    'no message': () => Buffer.concat([body, random.pick(noFields)]),
  }
  const flaw = random.pick(Object.keys(flaws) as (keyof typeof flaws)[])
  return { path, message, body: flaws[flaw](), flaw }
}

function encoded(method: MethodName, message: JsonObject): Uint8Array {
  const type = rpcMethods[method].request as MessageType<object>
  return encode(type, decodeJson(type, Buffer.from(JSON.stringify(message))))
}

/**
 * etcd 3.7 means to refuse streams in another order than that of the keys, but lets a sort target
 * without an order pass: it sorts each chunk, goes on after its last key, and repeats or omits keys.
 */
function isSound({ sort_order: order = 'NONE', sort_target: target = 'KEY' }: JsonObject): boolean {
  return order !== 'NONE' || target === 'KEY'
}

/** It has no path in JSON. */
const RANGE_STREAM = '/etcdserverpb.KV/RangeStream'

/** Field 1000 as a varint, as 64 bits, as bytes and as a group. */
const unknownFields = ['c03e05', 'c13e0000000000000000', 'c23e03616263', 'c33e0801c43e'].map(
  (hex) => Buffer.from(hex, 'hex'),
)

/** A number that does not end, a field 0, bytes that are missing, a group that was not begun. */
const noFields = ['ffffffffffffffffffff01', '0001', '0aff', '0c'].map((hex) =>
  Buffer.from(hex, 'hex'),
)

/** A streamed list is the same list without the stream, which etcd had none of before 3.7. */
export function inOnePiece(request: RandomRequest): RandomRequest {
  return request.path === RANGE_STREAM ? { ...request, path: '/v3/kv/range' } : request
}

function methodAt(path: string): MethodName {
  return path === RANGE_STREAM ? path : routes[path as keyof typeof routes]
}

/** What the gateway would have answered. Without `deadlineMs` it waits for ever. */
export async function askGrpc(
  client: GrpcClient,
  { path, message, body, flaw, shown }: RandomRequest,
  deadlineMs?: number,
): Promise<HttpAnswer> {
  const method = methodAt(path)
  // The ids in a message may have been translated since its body was written.
  const request = Buffer.from(flaw === undefined ? encoded(method, message) : body)
  const metadata = shown === undefined ? {} : { [shown.name]: shown.value }
  try {
    const options = { metadata, ...(deadlineMs !== undefined && { deadlineMs }) }
    const answer = await answerOf(client, { method, request, options })
    return { status: 200, headers: {}, body: answer }
  } catch (error) {
    if (!isRefusal(error)) {
      throw error
    }
    const refusal = refusalIn(error.code as Code, error.details)
    return { status: httpStatus(refusal.code), headers: {}, body: JSON.stringify(refusal) }
  }
}

/** That time is up is told by the server, or by its reset, or by the client of the test. */
function refusalIn(code: Code, details: string): { code: Code; message: string } {
  const isLate = code === Code.CANCELED || details === 'context deadline exceeded'
  return isLate || code === Code.DEADLINE_EXCEEDED
    ? { code: Code.DEADLINE_EXCEEDED, message: 'too late' }
    : { code, message: details }
}

interface GrpcStream {
  readonly method: MethodName
  readonly request: Buffer
  readonly options: GrpcCallOptions
}

async function answerOf(
  client: GrpcClient,
  { method, request, options }: GrpcStream,
): Promise<string> {
  switch (method) {
    case RANGE_STREAM:
      return merged(await client.serverStreamBytes(method, request, options).all())
    case '/v3electionpb.Election/Observe': {
      const observing = { ...options, deadlineMs: OBSERVED_MS }
      return firstOf(method, client.serverStreamBytes(method, request, observing))
    }
    case '/etcdserverpb.Watch/Watch': {
      const stream = client.streamBytes(method, options)
      stream.send(request)
      return firstOf(method, stream)
    }
    case '/etcdserverpb.Lease/LeaseKeepAlive': {
      const stream = client.streamBytes(method, options)
      stream.send(request)
      stream.halfClose()
      const answers = await stream.all()
      return answers.map((answer) => json(method, answer)).join('\n')
    }
    default:
      return json(method, await client.callBytes(method, request, options))
  }
}

/** As long as an observer waits for a leader. */
export const OBSERVED_MS = 300

/** Nobody reads any more of the stream. */
async function firstOf(method: MethodName, stream: GrpcReader<Buffer>): Promise<string> {
  const answer = await stream.next()
  stream.cancel()
  return answer === undefined ? '' : `{"result":${json(method, answer)}}`
}

function json(method: MethodName, answer: Buffer): string {
  const type = rpcMethods[method].response as MessageType<object>
  return encodeJson(type, decodeResponse(method, answer))
}

/** Where a list is cut is up to the server. */
function merged(answers: readonly Buffer[]): string {
  const chunks = answers.map((answer) => decodeResponse(RANGE_STREAM, answer).rangeResponse)
  const whole = { ...chunks.at(-1), kvs: chunks.flatMap((chunk) => chunk?.kvs ?? []) }
  const type: MessageType<ResponseOf<'/etcdserverpb.KV/Range'>> =
    rpcMethods['/etcdserverpb.KV/Range'].response
  return encodeJson(type, Object.assign(type.empty(), whole))
}
