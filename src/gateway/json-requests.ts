import type { Settings } from '../config/settings.ts'
import { clientGone } from '../gateway-rules/call.ts'
import { jsonBytesMax, requireReceivableMessage } from '../gateway-rules/limits.ts'
import { decodeJsonValue } from '../protocol/json-decode.ts'
import { JsonSplitter } from '../protocol/json-stream.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { Code, RpcStatus } from '../protocol/status.ts'

/** The bytes that a client sends, cut anywhere. */
export type Chunks = AsyncGenerator<Uint8Array, void, undefined>

/** A body that breaks off has lost its client: that is thrown as gRPC's own status for it. */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): Chunks {
  try {
    yield* body ?? []
  } catch {
    throw clientGone()
  }
}

/**
 * The requests of a streaming call. Whatever is no request ends them as the end of the input does,
 * without a word: etcd's gateway only logs it. Throws an RpcStatus for a request that is too
 * large, and what `chunks` throws.
 */
export async function* readRequests<T extends object>(
  type: MessageType<T>,
  chunks: Chunks,
  settings: Settings,
): AsyncGenerator<T, void, undefined> {
  const splitter = new JsonSplitter(jsonBytesMax(settings))
  // Not `for await`, which would close what the caller may want to go on reading.
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    const good = yield* parse(type, splitter.push(next.value), settings)
    if (!good) {
      return
    }
  }
  yield* parse(type, splitter.end(), settings)
}

/** Returns whether all of the values were requests. */
function* parse<T extends object>(
  type: MessageType<T>,
  values: Iterable<Uint8Array>,
  settings: Settings,
): Generator<T, boolean, undefined> {
  try {
    for (const value of values) {
      const request = decodeJsonValue(type, value)
      requireReceivableMessage(type, request, value.length, settings)
      yield request
    }
    return true
  } catch (error) {
    if (error instanceof RpcStatus && error.code === Code.INVALID_ARGUMENT) {
      return false
    }
    throw error
  }
}

/** Reads on to the end, only to notice that the client leaves. */
export async function drain(chunks: Chunks): Promise<void> {
  let next = await chunks.next()
  while (next.done !== true) {
    next = await chunks.next()
  }
}
