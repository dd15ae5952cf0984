import { KeyValue, RangeResponse } from '../protocol/generated/messages.ts'
import { encodeJson, encodeJsonAround, encodeJsonElements } from '../protocol/json-encode.ts'

/**
 * Prints the answer to a range as one JSON text from its pages. The count and the header are the
 * first page's, and `more` is the last one's.
 */
export class RangeText {
  #first: RangeResponse | undefined
  #begun = false

  /** Whether some of the text is out. */
  get begun(): boolean {
    return this.#begun
  }

  /** What is to be said with a page that others follow; empty where that is nothing yet. */
  page(page: RangeResponse): string {
    this.#first ??= page
    const elements = encodeJsonElements(KeyValue, page.kvs)
    // An empty list is not printed at all, so there must be an element before the list begins.
    if (elements === '' || this.#begun) {
      return elements === '' ? '' : `,${elements}`
    }
    this.#begun = true
    const [before] = encodeJsonAround(RangeResponse, this.#first, 'kvs')
    return before + elements
  }

  /** What is to be said with the last page. */
  last(page: RangeResponse): string {
    const first = this.#first ?? page
    const { kvs, more } = page
    if (!this.#begun) {
      return encodeJson(RangeResponse, { ...first, kvs, more })
    }
    const [, after] = encodeJsonAround(RangeResponse, { ...first, more }, 'kvs')
    return this.page(page) + after
  }
}
