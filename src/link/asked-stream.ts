import { type Frame, FrameKind } from '../protocol/frames.ts'
import { ReaderCredit } from './reader-credit.ts'
import type { AnswerHandle } from './upstream.ts'

const NO_BYTES = new Uint8Array(0)

/** What a call asks of its link. */
export interface AskedLink {
  /** Its answer has not ended. */
  isPending(stream: number): boolean
  cancel(stream: number): void
  send(frame: Frame | undefined): void
}

/** What whoever asks has in hand. */
export class AskedStream implements AnswerHandle {
  readonly #link: AskedLink
  readonly #stream: number
  /** Few answers come in parts. */
  #credit: ReaderCredit | undefined

  constructor(link: AskedLink, stream: number) {
    this.#link = link
    this.#stream = stream
  }

  taken(bytes: number): void {
    if (this.#link.isPending(this.#stream)) {
      this.#credit ??= new ReaderCredit()
      this.#link.send(this.#credit.taken(this.#stream, bytes))
    }
  }

  measure(): void {
    if (this.#link.isPending(this.#stream)) {
      this.#link.send({ kind: FrameKind.LENGTH, stream: this.#stream, payload: NO_BYTES })
    }
  }

  cancel(): void {
    this.#link.cancel(this.#stream)
  }
}
