import { encode } from '../protocol/binary.ts'
import { KeyValue, RangeRequest, RangeResponse } from '../protocol/generated/messages.ts'
import { encodeJson, encodeJsonAround, encodeJsonElements } from '../protocol/json-encode.ts'
import type { PageCursor } from '../protocol/shard-rpc.ts'
import type { ShardClient } from './shard-client.ts'

/**
 * A range whose answer is too long to be held. The count and the header are the first page's and
 * `more` is the last one's; the pages between are read only as fast as the client takes them, so
 * one page is in memory at a time.
 */
export async function openRangeBody(
  shard: ShardClient,
  request: RangeRequest,
  first: RangeResponse,
  next: PageCursor,
): Promise<string | ReadableStream<Uint8Array>> {
  const pages = new Pages(shard, request, next)
  let page = first
  // An empty list is not printed at all, so there must be an element before the list begins.
  while (page.kvs.length === 0 && !pages.ended) {
    page = await pages.read()
  }
  if (pages.ended) {
    return encodeJson(RangeResponse, { ...first, kvs: page.kvs, more: page.more })
  }
  const [before] = encodeJsonAround(RangeResponse, first, 'kvs')
  return streamPages(before + encodeJsonElements(KeyValue, page.kvs), pages, first)
}

function streamPages(
  start: string,
  pages: Pages,
  first: RangeResponse,
): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder()
  let ready: string | undefined = start
  const nextText = async (): Promise<string> => {
    const page = await pages.read()
    const elements = encodeJsonElements(KeyValue, page.kvs)
    const text = elements === '' ? '' : `,${elements}`
    if (!pages.ended) {
      return text
    }
    const [, after] = encodeJsonAround(RangeResponse, { ...first, more: page.more }, 'kvs')
    return text + after
  }
  return new ReadableStream<Uint8Array>(
    {
      // An error of a later page breaks the body off, which is all that can be told by then.
      pull: async (controller) => {
        let text = ready ?? (await nextText())
        ready = undefined
        while (text === '') {
          text = await nextText()
        }
        controller.enqueue(utf8.encode(text))
        if (pages.ended) {
          controller.close()
        }
      },
    },
    { highWaterMark: 0 },
  )
}

class Pages {
  readonly #shard: ShardClient
  readonly #request: Uint8Array
  #next: PageCursor | undefined

  constructor(shard: ShardClient, request: RangeRequest, next: PageCursor) {
    this.#shard = shard
    this.#request = encode(RangeRequest, request)
    this.#next = next
  }

  /** Whether the page read last was the last one. */
  get ended(): boolean {
    return this.#next === undefined
  }

  async read(): Promise<RangeResponse> {
    if (this.#next === undefined) {
      throw new Error('a page is read behind the last one')
    }
    const { response, next } = await this.#shard.rangeNext(this.#request, this.#next)
    this.#next = next
    return response as RangeResponse
  }
}
