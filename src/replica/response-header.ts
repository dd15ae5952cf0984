import { decode, encode } from '../protocol/binary.ts'
import { ResponseHeader } from '../protocol/generated/messages.ts'

/** In protobuf, field 1 with a length, which the header is in each response of etcd's. */
const HEADER_TAG = 0x0a

interface HeadedResponse {
  readonly header: ResponseHeader
  /** The rest of the response, behind its header. */
  readonly rest: Uint8Array
}

/** Undefined for a response without one, as that of MoveLeader is. Throws WireError. */
export function headerOf(response: Uint8Array): HeadedResponse | undefined {
  const [tag, length = 0] = response
  // A header has four numbers of ten bytes at most: one byte says its length.
  if (tag !== HEADER_TAG || length > 0x7f) {
    return undefined
  }
  const end = 2 + length
  return {
    header: decode(ResponseHeader, response.subarray(2, end)),
    rest: response.subarray(end),
  }
}

/** The response as of another member, as etcd's are of the one that was asked, whoever has led. */
export function ofMember({ header, rest }: HeadedResponse, memberId: bigint): Uint8Array {
  const own = encode(ResponseHeader, { ...header, memberId })
  const response = new Uint8Array(2 + own.length + rest.length)
  response.set([HEADER_TAG, own.length])
  response.set(own, 2)
  response.set(rest, 2 + own.length)
  return response
}
