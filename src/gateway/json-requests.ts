import type { Settings } from '../config/settings.ts'
import { decodeJsonValue } from '../protocol/json-decode.ts'
import { JsonSplitter } from '../protocol/json-stream.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { jsonBytesMax, requireReceivableMessage } from './limits.ts'

/**
 * The requests of a streaming call. Whatever is no request ends them as the end of the input does,
 * without a word: etcd's gateway only logs it. One that is too large throws an RpcStatus.
 */
export async function* readRequests<T extends object>(
  type: MessageType<T>,
  input: AsyncIterable<Uint8Array>,
  settings: Settings,
): AsyncGenerator<T, void, undefined> {
  const splitter = new JsonSplitter(jsonBytesMax(settings))
  try {
    for await (const chunk of untilLost(input)) {
      for (const value of splitter.push(chunk)) {
        yield parse(type, value, settings)
      }
    }
    for (const value of splitter.end()) {
      yield parse(type, value, settings)
    }
  } catch (error) {
    if (!(error instanceof RpcStatus && error.code === Code.INVALID_ARGUMENT)) {
      throw error
    }
  }
}

function parse<T extends object>(type: MessageType<T>, value: Uint8Array, settings: Settings): T {
  const request = decodeJsonValue(type, value)
  requireReceivableMessage(type, request, value.length, settings)
  return request
}

/** A body that breaks off has lost its client, who will not hear what is made of that. */
async function* untilLost(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = input[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch(() => undefined)
    if (next === undefined || next.done === true) {
      return
    }
    yield next.value
  }
}
