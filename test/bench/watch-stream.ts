import { Connection, post } from './connection.ts'
import { base64 } from './messages.ts'

export interface WatchRange {
  readonly key: string
  readonly rangeEnd: string
}

export interface WatchNews {
  /** Every watch of the stream exists. */
  readonly created: () => void
  /** Told for each message that carries events. */
  readonly events: (count: number) => void
  readonly failed: (error: Error) => void
}

/**
 * Watches over one HTTP stream, whose events are only counted. The request is whole: etcd answers
 * nothing over HTTP/1.1 before its end, and the watches outlive it.
 */
export class WatchStream {
  readonly #connection: Connection
  readonly #news: WatchNews
  #missing: number
  #unfinished: Buffer = Buffer.alloc(0)

  constructor(url: string, ranges: readonly WatchRange[], news: WatchNews) {
    this.#news = news
    this.#missing = ranges.length
    const parts = {
      body: (piece: Buffer) => this.#read(piece),
      end: () => news.failed(new Error('the server ended a watch stream')),
    }
    this.#connection = new Connection(url, parts, news.failed)
    this.#connection.send(post(url, '/v3/watch', ranges.map(createJson).join('\n')))
  }

  #read(piece: Buffer): void {
    let data = this.#unfinished.length === 0 ? piece : Buffer.concat([this.#unfinished, piece])
    for (let end = data.indexOf('\n'); end !== -1; end = data.indexOf('\n')) {
      this.#take(data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    this.#unfinished = data
  }

  #take(line: Buffer): void {
    if (this.#missing > 0 && line.includes('"created":true')) {
      this.#missing--
      if (this.#missing === 0) {
        this.#news.created()
      }
    } else if (line.includes('"events":[')) {
      this.#news.events(occurrences(line, '"mod_revision"'))
    } else {
      throw new Error(`an unexpected line: ${line.toString()}`)
    }
  }

  close(): void {
    this.#connection.close()
  }
}

/** Opens streams with the same number of watches each and waits until all watches exist. */
export async function openWatches(
  url: string,
  ranges: readonly (readonly WatchRange[])[],
  events: (count: number) => void,
): Promise<{ readonly failed: Promise<never>; close(): void }> {
  const failure = Promise.withResolvers<never>()
  const streams: WatchStream[] = []
  const created = ranges.map(
    (some) =>
      new Promise<void>((resolve) => {
        streams.push(
          new WatchStream(url, some, { created: resolve, events, failed: failure.reject }),
        )
      }),
  )
  await Promise.race([Promise.all(created), failure.promise])
  const close = (): void => streams.forEach((stream) => stream.close())
  return { failed: failure.promise, close }
}

function createJson({ key, rangeEnd }: WatchRange): string {
  const range = { key: base64(key), range_end: base64(rangeEnd) }
  return JSON.stringify({ create_request: range })
}

function occurrences(line: Buffer, pattern: string): number {
  let count = 0
  for (let at = line.indexOf(pattern); at !== -1; at = line.indexOf(pattern, at + 1)) {
    count++
  }
  return count
}
