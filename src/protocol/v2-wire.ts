import type { Call } from './shard-rpc.ts'
import type { V2Answered, V2Header, V2KeysCall, V2Refused, V2UnreadableCall } from './v2-call.ts'

/** Names a call of the v2 API in a CALL frame: its request and its response are those of this file. */
export const V2_METHOD = '/etcdurable.V2/Keys'

/** What goes over a link as one call: those of gRPC, and these. */
export type LinkCall = Call | (Omit<Call, 'method'> & { readonly method: typeof V2_METHOD })

type Wired = V2KeysCall | V2UnreadableCall

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** What most calls say, and so need not. */
const usual = {
  on: 'keys',
  dir: false,
  prevValue: '',
  prevIndex: 0n,
  prevExist: undefined,
  ttl: undefined,
  refresh: false,
  recursive: false,
  quorum: false,
  wait: false,
  stream: false,
  waitIndex: 0n,
  noValueOnSuccess: false,
  credentials: 'none',
} as const satisfies Partial<V2KeysCall>

/**
 * What a port asks over its link of /v2/keys: JSON of what is not as usual. JSON knows no big numbers,
 * so they are decimal.
 */
export function encodeV2Call(call: Wired): Uint8Array {
  const said: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(call)) {
    if (value !== (usual as Readonly<Record<string, unknown>>)[name]) {
      said[name] = typeof value === 'bigint' ? String(value) : value
    }
  }
  return utf8.encode(JSON.stringify(said))
}

/** Throws where it is no JSON. */
export function decodeV2Call(bytes: Uint8Array): Wired {
  const said = JSON.parse(text.decode(bytes)) as V2UnreadableCall | WiredKeysCall
  if (said.on === 'unreadable') {
    return said
  }
  const { prevIndex = '0', waitIndex = '0', ttl } = said
  return {
    ...usual,
    ...said,
    on: 'keys',
    prevIndex: BigInt(prevIndex),
    waitIndex: BigInt(waitIndex),
    ttl: ttl === undefined ? undefined : BigInt(ttl),
  }
}

interface WiredKeysCall extends Omit<
  V2KeysCall,
  'on' | 'prevIndex' | 'waitIndex' | 'ttl' | 'prevExist'
> {
  readonly on: undefined
  readonly prevExist: boolean | undefined
  readonly prevIndex: string | undefined
  readonly waitIndex: string | undefined
  readonly ttl: string | undefined
}

/** A line of JSON, behind which the body stands as it is. */
export function encodeV2Answer(answer: V2Answered | V2Refused): Uint8Array {
  if ('refusal' in answer) {
    const { header, refusal } = answer
    return utf8.encode(`${JSON.stringify({ clusterId: String(header.clusterId), refusal })}\n`)
  }
  const { header, body, isCreated } = answer
  const { clusterId, etcdIndex, raftIndex, raftTerm } = header
  const head = `{"clusterId":"${clusterId}","of":[${etcdIndex},${raftIndex},${raftTerm}],"isCreated":${isCreated}}`
  return utf8.encode(`${head}\n${body}`)
}

interface WiredHead {
  readonly clusterId: string
  readonly refusal?: V2Refused['refusal']
  readonly of: readonly [etcdIndex: number, raftIndex: number, raftTerm: number]
  readonly isCreated: boolean
}

export function decodeV2Answer(bytes: Uint8Array): V2Answered | V2Refused {
  const answer = text.decode(bytes)
  const end = answer.indexOf('\n')
  const head = JSON.parse(answer.slice(0, end)) as WiredHead
  const clusterId = BigInt(head.clusterId)
  if (head.refusal !== undefined) {
    return { header: { clusterId }, refusal: head.refusal }
  }
  const [etcdIndex, raftIndex, raftTerm] = head.of
  const header: V2Header = { clusterId, etcdIndex, raftIndex, raftTerm }
  return { header, body: answer.slice(end + 1), isCreated: head.isCreated }
}
