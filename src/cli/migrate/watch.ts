import type { WatchResponse } from '../../protocol/generated/messages.ts'
import { Failure } from '../failure.ts'
import { decoded, encoded, type SourceClient } from './source-client.ts'

const WATCH = '/etcdserverpb.Watch/Watch'
const ZERO = Uint8Array.of(0)
/** More of them is left to HTTP/2's flow control. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** The source has no more what comes behind the copy. */
export class CompactedFailure extends Failure {}

/** A watch on everything, whose messages wait until they are asked for. */
export class Watch {
  readonly #client: SourceClient
  readonly #stream: Awaited<ReturnType<SourceClient['stream']>>
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #ended: { readonly error: unknown } | undefined
  #isOver = false
  #wake: (() => void) | undefined

  private constructor(client: SourceClient, stream: Awaited<ReturnType<SourceClient['stream']>>) {
    this.#client = client
    this.#stream = stream
    stream.on('data', (message: Buffer) => {
      this.#waiting.push(message)
      this.#waitingBytes += message.length
      if (this.#waitingBytes >= WAITING_BYTES_MAX) {
        stream.pause()
      }
      this.#wake?.()
    })
    const end = (error?: unknown): void => {
      this.#ended ??= { error }
      this.#wake?.()
    }
    stream.on('error', end)
    stream.on('end', () => end())
  }

  /** From a revision on. Throws SourceFailure. */
  static async open(client: SourceClient, startRevision: number): Promise<Watch> {
    const stream = await client.stream(WATCH)
    const watch = new Watch(client, stream)
    const createRequest = {
      key: ZERO,
      rangeEnd: ZERO,
      startRevision,
      progressNotify: true,
      filters: [],
      prevKv: false,
      watchId: 0,
      fragment: true,
    }
    stream.write(encoded(WATCH, { createRequest }))
    return watch
  }

  /**
   * What has come since, in order; nothing where for so long nothing comes. Throws SourceFailure, and
   * CompactedFailure.
   */
  async next(msMax: number): Promise<readonly WatchResponse[]> {
    if (this.#waiting.length === 0 && this.#ended === undefined && !this.#isOver) {
      await this.#untilWoken(msMax)
    }
    const messages = this.#isOver ? [] : this.#waiting
    if (!this.#isOver && messages.length === 0 && this.#ended !== undefined) {
      throw this.#client.streamFailed(this.#ended.error)
    }
    this.#waiting = []
    this.#waitingBytes = 0
    this.#stream.resume()
    return messages.map((message) => this.#checked(decoded(WATCH, message)))
  }

  end(): void {
    this.#isOver = true
    this.#stream.cancel()
    this.#wake?.()
  }

  #checked(response: WatchResponse): WatchResponse {
    const { canceled, compactRevision, cancelReason } = response
    if (canceled && compactRevision > 0) {
      throw new CompactedFailure(
        `the source is compacted up to revision ${compactRevision}, beyond what the copy has`,
      )
    }
    if (canceled) {
      throw this.#client.streamFailed({ code: 2, details: cancelReason })
    }
    return response
  }

  async #untilWoken(msMax: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, msMax)
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }
}
