import type { Call } from './shard-rpc.ts'
import type { V2Answered, V2KeysCall, V2Refused, V2UnreadableCall } from './v2-call.ts'

/** Names a call of the v2 API in a CALL frame: its request and its response are those of this file, in JSON. */
export const V2_METHOD = '/etcdurable.V2/Keys'

/** What goes over a link as one call: those of gRPC, and these. */
export type LinkCall = Call | (Omit<Call, 'method'> & { readonly method: typeof V2_METHOD })

type Wired = V2KeysCall | V2UnreadableCall

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** What a port asks over its link of /v2/keys. JSON knows no big numbers, so they are decimal. */
export function encodeV2Call(call: Wired): Uint8Array {
  if (call.on === 'unreadable') {
    return utf8.encode(JSON.stringify(call))
  }
  const { prevIndex, waitIndex, ttl } = call
  return utf8.encode(
    JSON.stringify({
      ...call,
      prevIndex: String(prevIndex),
      waitIndex: String(waitIndex),
      ttl: ttl === undefined ? undefined : String(ttl),
    }),
  )
}

/** Throws where it is no JSON. */
export function decodeV2Call(bytes: Uint8Array): Wired {
  const call = JSON.parse(text.decode(bytes)) as V2UnreadableCall | WiredKeysCall
  if (call.on === 'unreadable') {
    return call
  }
  const { prevIndex, waitIndex, ttl, prevExist } = call
  return {
    ...call,
    prevIndex: BigInt(prevIndex),
    waitIndex: BigInt(waitIndex),
    ttl: ttl === undefined ? undefined : BigInt(ttl),
    prevExist,
  }
}

interface WiredKeysCall extends Omit<V2KeysCall, 'prevIndex' | 'waitIndex' | 'ttl'> {
  readonly prevIndex: string
  readonly waitIndex: string
  readonly ttl: string | undefined
}

type WiredHeader<T> = Omit<T, 'clusterId'> & { readonly clusterId: string }

type WiredAnswer =
  | (Omit<V2Answered, 'header'> & { readonly header: WiredHeader<V2Answered['header']> })
  | (Omit<V2Refused, 'header'> & { readonly header: WiredHeader<V2Refused['header']> })

export function encodeV2Answer(answer: V2Answered | V2Refused): Uint8Array {
  const { header } = answer
  const clusterId = String(header.clusterId)
  return utf8.encode(JSON.stringify({ ...answer, header: { ...header, clusterId } }))
}

export function decodeV2Answer(bytes: Uint8Array): V2Answered | V2Refused {
  const answer = JSON.parse(text.decode(bytes)) as WiredAnswer
  const clusterId = BigInt(answer.header.clusterId)
  return 'refusal' in answer
    ? { ...answer, header: { ...answer.header, clusterId } }
    : { ...answer, header: { ...answer.header, clusterId } }
}
