import { encodeCall, type Frame, FrameKind, responsePayload } from './frames.ts'
import type { V2Answered, V2KeysCall, V2Refused, V2UnreadableCall } from './v2-call.ts'
import { encodeV2Answer, encodeV2Call, type V2LinkCall } from './v2-wire.ts'

/** What of a call are no texts, about. */
const CALL_BYTES = 64

/**
 * A call of /v2/keys, which is encoded only if somebody asks for its bytes: where both ends of a socket are in one
 * process it is handed over as it is.
 */
export class V2CallFrame implements Frame {
  readonly kind = FrameKind.CALL
  readonly stream: number
  readonly call: V2LinkCall
  #payload: Uint8Array | undefined

  constructor(stream: number, call: V2LinkCall) {
    this.stream = stream
    this.call = call
  }

  get payload(): Uint8Array {
    const { method, context, keys } = this.call
    this.#payload ??= encodeCall({ method, context, request: encodeV2Call(keys) })
    return this.#payload
  }

  /** About how long it is. */
  get bytes(): number {
    return CALL_BYTES + lengthOf(this.call.keys)
  }
}

function lengthOf(keys: V2KeysCall | V2UnreadableCall): number {
  return keys.on === 'unreadable'
    ? keys.refusal.cause.length
    : keys.path.length + keys.value.length + keys.prevValue.length
}

/** The answer to it, in the same way. */
export class V2AnswerFrame implements Frame {
  readonly kind = FrameKind.ANSWER
  readonly stream: number
  readonly answer: V2Answered | V2Refused
  #payload: Uint8Array | undefined

  constructor(stream: number, answer: V2Answered | V2Refused) {
    this.stream = stream
    this.answer = answer
  }

  /** As `responseFrame` makes it, its head included. */
  get payload(): Uint8Array {
    this.#payload ??= responsePayload(encodeV2Answer(this.answer))
    return this.#payload
  }
}
