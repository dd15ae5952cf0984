import { encodeEnd, FrameKind } from '../../protocol/frames.ts'
import type { CallContext, Refused } from '../../protocol/shard-rpc.ts'
import type { V2Answered, V2Refused } from '../../protocol/v2-call.ts'
import { V2AnswerFrame } from '../../protocol/v2-frames.ts'
import type { SessionOut } from './session-out.ts'

/** A call of /v2/keys that came in a CALL frame, and waits for its one answer. */
export class V2SessionCall {
  readonly context: CallContext
  readonly #stream: number
  readonly #out: SessionOut
  #gone = false

  constructor(context: CallContext, stream: number, out: SessionOut) {
    this.context = context
    this.#stream = stream
    this.#out = out
  }

  answered(answer: V2Answered | V2Refused | Refused): void {
    if (this.#gone) {
      return
    }
    if ('refused' in answer) {
      const payload = encodeEnd(answer.refused.code, answer.refused.message)
      this.#out.sendSoon({ kind: FrameKind.ANSWER, stream: this.#stream, payload })
    } else {
      this.#out.sendSoon(new V2AnswerFrame(this.#stream, answer))
    }
    this.#out.ended(this.#stream)
  }

  /** Its answer is one frame, whatever the reader has taken. */
  credit(_taken: number): void {}

  cancel(): void {
    this.#gone = true
  }
}
