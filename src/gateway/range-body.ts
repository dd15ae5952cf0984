import { RangeText } from '../gateway-rules/range-text.ts'
import { encode } from '../protocol/binary.ts'
import { RangeRequest, type RangeResponse } from '../protocol/generated/messages.ts'
import type { PageCursor } from '../protocol/shard-rpc.ts'
import type { ShardClient } from './shard-client.ts'

/**
 * A range whose answer is too long to be held. The pages behind the first are read only as fast as
 * the client takes them, so one page is in memory at a time.
 */
export async function openRangeBody(
  shard: ShardClient,
  request: RangeRequest,
  first: RangeResponse,
  next: PageCursor,
): Promise<string | ReadableStream<Uint8Array>> {
  const pages = new Pages(shard, request, next)
  const text = new RangeText()
  let start = text.page(first)
  while (start === '') {
    start = await pages.readText(text)
  }
  return text.begun ? streamPages(start, pages, text) : start
}

function streamPages(start: string, pages: Pages, text: RangeText): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder()
  let ready = start
  return new ReadableStream<Uint8Array>(
    {
      // An error of a later page breaks the body off, which is all that can be told by then.
      pull: async (controller) => {
        while (ready === '') {
          ready = await pages.readText(text)
        }
        controller.enqueue(utf8.encode(ready))
        ready = ''
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

  async readText(text: RangeText): Promise<string> {
    const page = await this.#read()
    return this.ended ? text.last(page) : text.page(page)
  }

  async #read(): Promise<RangeResponse> {
    if (this.#next === undefined) {
      throw new Error('a page is read behind the last one')
    }
    const { response, next } = await this.#shard.rangeNext(this.#request, this.#next)
    this.#next = next
    return response as RangeResponse
  }
}
