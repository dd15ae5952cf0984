import { bytesOfText, textOfBytes } from './byte-text.ts'
import type { Call } from './shard-rpc.ts'
import type { V2Answered, V2KeysCall, V2Method, V2Refused, V2UnreadableCall } from './v2-call.ts'
import type { V2Credentials } from './v2-credentials.ts'
import type { V2Refusal } from './v2-error.ts'
import { bigintSize, uint32Size, uint64Size, WireError, WireReader, WireWriter } from './wire.ts'

/** Names a call of the v2 API in a CALL frame: its request and its response are those of this file. */
export const V2_METHOD = '/etcdurable.V2/Keys'

/** What goes over a link as one call: those of gRPC, and these. */
export type LinkCall = Call | V2LinkCall

/** A call of /v2/keys, which is not encoded yet: perhaps nobody needs its bytes. */
export interface V2LinkCall extends Pick<Call, 'context'> {
  readonly method: typeof V2_METHOD
  readonly keys: V2KeysCall | V2UnreadableCall
}

type Wired = V2KeysCall | V2UnreadableCall

const utf8 = new TextEncoder()
const text = new TextDecoder()
const noBytes = new Uint8Array(0)

/** What the first number of a call says. */
const Said = {
  METHOD: 0x7,
  UNREADABLE: 0x8,
  DIR: 0x10,
  REFRESH: 0x20,
  RECURSIVE: 0x40,
  QUORUM: 0x80,
  WAIT: 0x100,
  STREAM: 0x200,
  NO_VALUE: 0x400,
  PREV_EXIST: 0x800,
  PREV_ABSENT: 0x1000,
  TTL: 0x2000,
  /** The path that was asked for is not the path. */
  ASKED: 0x4000,
  CREDENTIALS: 0x8000,
  MALFORMED: 0x1_0000,
  /** The user is that of a certificate. */
  CERTIFIED: 0x2_0000,
} as const

const methods: readonly V2Method[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']

/**
 * What a port asks over its link of /v2/keys, in what protobuf messages are made of: a number of `Said`,
 * `prevIndex`, `waitIndex`, `ttl`, then the texts with their lengths. A refusal is JSON.
 */
export function encodeV2Call(call: Wired): Uint8Array {
  if (call.on === 'unreadable') {
    const json = utf8.encode(JSON.stringify(call.refusal))
    const writer = new WireWriter(new Uint8Array(1 + json.length))
    writer.uint32(Said.UNREADABLE)
    writer.raw(json)
    return writer.bytes
  }
  const { prevIndex, waitIndex, ttl = 0n, credentials } = call
  const { user, password } = shownOf(credentials)
  const texts = [
    encodedText(call.path),
    call.askedPath === call.path ? noBytes : encodedText(call.askedPath),
    encodedText(call.value),
    encodedText(call.prevValue),
    encodedText(user),
    encodedText(password),
  ]
  const said = saidOf(call)
  let size = uint32Size(said) + bigintSize(prevIndex) + bigintSize(waitIndex) + bigintSize(ttl)
  for (const { length } of texts) {
    size += uint32Size(length) + length
  }
  const writer = new WireWriter(new Uint8Array(size))
  writer.uint32(said)
  writer.bigint(prevIndex)
  writer.bigint(waitIndex)
  writer.bigint(ttl)
  for (const bytes of texts) {
    writer.lengthAndBytes(bytes)
  }
  return writer.bytes
}

/** Most are empty. */
function encodedText(one: string): Uint8Array {
  return one === '' ? noBytes : bytesOfText(one)
}

function shownOf(credentials: V2Credentials): { readonly user: string; readonly password: string } {
  if (typeof credentials === 'string') {
    return { user: '', password: '' }
  }
  return 'commonName' in credentials ? { user: credentials.commonName, password: '' } : credentials
}

function kindOf(credentials: V2Credentials): number {
  switch (credentials) {
    case 'none':
      return 0
    case 'malformed':
      return Said.MALFORMED
    default:
      return 'commonName' in credentials ? Said.CERTIFIED : Said.CREDENTIALS
  }
}

function saidOf(call: V2KeysCall): number {
  const { credentials, prevExist } = call
  return (
    methods.indexOf(call.method) |
    (call.dir ? Said.DIR : 0) |
    (call.refresh ? Said.REFRESH : 0) |
    (call.recursive ? Said.RECURSIVE : 0) |
    (call.quorum ? Said.QUORUM : 0) |
    (call.wait ? Said.WAIT : 0) |
    (call.stream ? Said.STREAM : 0) |
    (call.noValueOnSuccess ? Said.NO_VALUE : 0) |
    (prevExist === undefined ? 0 : prevExist ? Said.PREV_EXIST : Said.PREV_ABSENT) |
    (call.ttl === undefined ? 0 : Said.TTL) |
    (call.askedPath === call.path ? 0 : Said.ASKED) |
    kindOf(credentials)
  )
}

/** Throws where it is none. */
export function decodeV2Call(bytes: Uint8Array): Wired {
  const reader = new WireReader(bytes)
  const said = reader.uint32()
  const says = (one: number): boolean => (said & one) !== 0
  if (says(Said.UNREADABLE)) {
    const json = text.decode(bytes.subarray(reader.position))
    return { on: 'unreadable', refusal: JSON.parse(json) as V2Refusal }
  }
  const method = methods[said & Said.METHOD]
  if (method === undefined) {
    throw new WireError('a method that is not known')
  }
  const prevIndex = reader.uint64Bigint()
  const waitIndex = reader.uint64Bigint()
  const ttl = reader.uint64Bigint()
  const path = nextText(reader)
  const askedPath = nextText(reader)
  const value = nextText(reader)
  const prevValue = nextText(reader)
  const user = nextText(reader)
  const password = nextText(reader)
  return {
    on: 'keys',
    method,
    path,
    askedPath: says(Said.ASKED) ? askedPath : path,
    value,
    dir: says(Said.DIR),
    prevValue,
    prevIndex,
    prevExist: says(Said.PREV_EXIST) ? true : says(Said.PREV_ABSENT) ? false : undefined,
    ttl: says(Said.TTL) ? ttl : undefined,
    refresh: says(Said.REFRESH),
    recursive: says(Said.RECURSIVE),
    quorum: says(Said.QUORUM),
    wait: says(Said.WAIT),
    stream: says(Said.STREAM),
    waitIndex,
    noValueOnSuccess: says(Said.NO_VALUE),
    credentials: credentialsIn(said, user, password),
  }
}

function credentialsIn(said: number, user: string, password: string): V2Credentials {
  if ((said & Said.CREDENTIALS) !== 0) {
    return { user, password }
  }
  if ((said & Said.CERTIFIED) !== 0) {
    return { commonName: user }
  }
  return (said & Said.MALFORMED) === 0 ? 'none' : 'malformed'
}

function nextText(reader: WireReader): string {
  const bytes = reader.view()
  return bytes.length === 0 ? '' : textOfBytes(bytes)
}

/** What an answer begins with. */
const Kind = { ANSWERED: 0, CREATED: 1, REFUSED: 2 } as const

/** A number of `Kind`, the header's numbers, and behind them the body as it is, or a refusal in JSON. */
export function encodeV2Answer(answer: V2Answered | V2Refused): Uint8Array {
  if ('refusal' in answer) {
    const { header, refusal } = answer
    const json = utf8.encode(JSON.stringify(refusal))
    const writer = new WireWriter(new Uint8Array(1 + bigintSize(header.clusterId) + json.length))
    writer.uint32(Kind.REFUSED)
    writer.bigint(header.clusterId)
    writer.raw(json)
    return writer.bytes
  }
  const { header, body, isCreated } = answer
  const { clusterId, etcdIndex, raftIndex, raftTerm } = header
  const indexes = uint64Size(etcdIndex) + uint64Size(raftIndex) + uint64Size(raftTerm)
  const writer = new WireWriter(new Uint8Array(1 + bigintSize(clusterId) + indexes + body.length))
  writer.uint32(isCreated ? Kind.CREATED : Kind.ANSWERED)
  writer.bigint(clusterId)
  writer.uint64(etcdIndex)
  writer.uint64(raftIndex)
  writer.uint64(raftTerm)
  writer.raw(body)
  return writer.bytes
}

/** The body is a view of the bytes. */
export function decodeV2Answer(bytes: Uint8Array): V2Answered | V2Refused {
  const reader = new WireReader(bytes)
  const kind = reader.uint32()
  const clusterId = reader.uint64Bigint()
  if (kind === Kind.REFUSED) {
    const refusal = JSON.parse(text.decode(bytes.subarray(reader.position))) as V2Refusal
    return { header: { clusterId }, refusal }
  }
  const etcdIndex = reader.uint64()
  const raftIndex = reader.uint64()
  const raftTerm = reader.uint64()
  return {
    header: { clusterId, etcdIndex, raftIndex, raftTerm },
    body: bytes.subarray(reader.position),
    isCreated: kind === Kind.CREATED,
  }
}
