import { connect } from 'node:http2'
import { decode, encode } from '../../src/protocol/binary.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'

const FRAME_HEAD_BYTES = 5

/** One unary call; undefined where the server answers with an error. */
export async function call<Q extends object, A extends object>(
  url: string,
  method: string,
  types: { readonly request: MessageType<Q>; readonly response: MessageType<A> },
  request: Q,
): Promise<A | undefined> {
  const session = connect(url)
  try {
    const message = encode(types.request, request)
    const head = Buffer.alloc(FRAME_HEAD_BYTES)
    head.writeUInt32BE(message.length, 1)
    const stream = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      'te': 'trailers',
    })
    stream.end(Buffer.concat([head, message]))
    const chunks: Buffer[] = []
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer)
    }
    const body = Buffer.concat(chunks)
    return body.length === 0 ? undefined : decode(types.response, body.subarray(FRAME_HEAD_BYTES))
  } finally {
    session.close()
  }
}
