import type { RpcStatus } from '../protocol/status.ts'
import type { AnswerReader, StreamReader } from './upstream.ts'

/** The answer to a unary call, whose parts make one message. */
export class WholeAnswerReader implements AnswerReader {
  /** A second answer takes the place of the parts of the first. */
  readonly repeatable = true
  readonly failed: (status: RpcStatus) => void
  readonly #answered: (parts: readonly Uint8Array[]) => void
  readonly #taken: (bytes: number) => void
  #parts: Uint8Array[] = []

  constructor(
    answered: (parts: readonly Uint8Array[]) => void,
    failed: (status: RpcStatus) => void,
    taken: (bytes: number) => void,
  ) {
    this.#answered = answered
    this.failed = failed
    this.#taken = taken
  }

  /** The whole answer is kept whatever its size: nobody can be told to wait for. */
  part(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#taken(bytes.length)
  }

  answered(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#answered(this.#parts)
  }

  repeated(): void {
    this.#parts = []
  }
}

/** The answer to a server stream: each part is one of its messages. */
export class StreamAnswerReader implements AnswerReader {
  readonly #reader: StreamReader
  #begun = false

  constructor(reader: StreamReader) {
    this.#reader = reader
  }

  get repeatable(): boolean {
    return !this.#begun
  }

  part(bytes: Uint8Array): void {
    this.#begun = true
    this.#reader.received(bytes)
  }

  /** A stream may end without a last message. */
  answered(bytes: Uint8Array): void {
    if (bytes.length > 0) {
      this.#reader.received(bytes)
    }
    this.#reader.ended(undefined)
  }

  failed(status: RpcStatus): void {
    this.#reader.ended(status)
  }

  repeated(): void {
    // Nothing has been passed on.
  }
}
