import type { Settings } from '../config/settings.ts'
import type { Shown } from '../door/shown.ts'
import { contextOf, decodeRequest, mayWait } from '../gateway-rules/call.ts'
import { minRevisionIn } from '../gateway-rules/min-revision.ts'
import { RangeText } from '../gateway-rules/range-text.ts'
import { type WholeResponse, callHeaders, refusal } from '../gateway-rules/response.ts'
import { deadlineExceeded, parseTimeout } from '../gateway-rules/timeout.ts'
import type { V2Response } from '../gateway-rules/v2-keys-answer.ts'
import type { AnswerReader, StreamHandle } from '../link/upstream.ts'
import { decode, encode } from '../protocol/binary.ts'
import { RangeResponse } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { encodeJson } from '../protocol/json-encode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { LinkCall } from '../protocol/v2-wire.ts'
import type { PlainRequest } from './request.ts'

/** Where the answer goes: in whole, or in parts and then the last one. */
export interface ResponseOut {
  whole(answer: WholeResponse | V2Response): void
  /** `taken` is called when the client has it. */
  part(text: string, taken: () => void): void
  last(text: string): void
  /** What has been said so far cannot be gone on with. */
  broken(): void
}

export interface JsonServing {
  readonly upstream: { ask(call: LinkCall, reader: AnswerReader): StreamHandle }
  readonly settings: Settings
  /** On the client's certificate, if that counts: v2's user, while v3's calls are refused for it while auth is on. */
  readonly commonName: string | undefined
  /** Where each call is counted. */
  readonly counts: { unary: number }
  readonly log: (level: 'error', message: string, fields: Readonly<Record<string, string>>) => void
}

const RANGE = '/etcdserverpb.KV/Range'

/** A unary call in JSON, from its request to its answer. */
export class JsonExchange implements AnswerReader {
  readonly #serving: JsonServing
  readonly #method: MethodName
  readonly #out: ResponseOut
  readonly #pages = new RangeText()
  /** Of an answer that is no Range's: in a row they are one message. */
  #parts: Uint8Array[] = []
  #asked: StreamHandle | undefined
  #deadline: NodeJS.Timeout | undefined
  #begun = false
  #over = false

  constructor(serving: JsonServing, method: MethodName, out: ResponseOut) {
    this.#serving = serving
    this.#method = method
    this.#out = out
  }

  /** It may be answered before this returns. */
  start(request: PlainRequest, shown: Shown, body: Uint8Array): void {
    const { upstream, settings, commonName } = this.#serving
    this.#guarded(() => {
      const timeoutMs = parseTimeout(request.headers.get('Grpc-Timeout'))
      if (timeoutMs !== undefined && timeoutMs < 1) {
        throw deadlineExceeded()
      }
      const method = this.#method
      const message = decodeRequest(method, body, settings)
      const type: MessageType<object> = rpcMethods[method].request
      const known = contextOf(shown, undefined)
      const context = {
        ...known,
        ...minRevisionIn(request),
        ...(commonName && { certified: true }),
      }
      this.#asked = upstream.ask({ method, request: encode(type, message), context }, this)
      if (timeoutMs !== undefined) {
        this.#deadline = setTimeout(() => this.giveUp(deadlineExceeded()), timeoutMs)
      }
    })
  }

  /** Whether it is in the nature of the call to wait, for a lock for one. */
  get waits(): boolean {
    return mayWait(this.#method)
  }

  /** The client hears why. */
  giveUp(status: RpcStatus): void {
    if (!this.#over) {
      this.#asked?.cancel()
      this.failed(status)
    }
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    if (!this.#over) {
      this.#end()
      this.#asked?.cancel()
    }
  }

  get repeatable(): boolean {
    return !this.#begun
  }

  /** A Range leaves page by page, and what has begun is not asked again. Of all else the parts are gathered. */
  part(bytes: Uint8Array): void {
    if (this.#method !== RANGE) {
      this.#parts.push(bytes)
      this.#asked?.taken(bytes.length)
      return
    }
    this.#guarded(() => {
      this.#begun = true
      clearTimeout(this.#deadline)
      const text = this.#pages.page(decode(RangeResponse, bytes))
      const taken = (): void => this.#asked?.taken(bytes.length)
      if (text === '') {
        taken()
      } else {
        this.#out.part(text, taken)
      }
    })
  }

  answered(bytes: Uint8Array): void {
    this.#guarded(() => {
      const type: MessageType<object> = rpcMethods[this.#method].response
      const parts = this.#parts
      const whole = parts.length === 0 ? bytes : Buffer.concat([...parts, bytes])
      const response = decode(type, whole)
      const body = this.#begun
        ? this.#pages.last(response as RangeResponse)
        : encodeJson(type, response)
      this.#end()
      if (this.#pages.begun) {
        this.#out.last(body)
      } else {
        this.#out.whole({ status: 200, headers: callHeaders, body })
      }
    })
  }

  failed(status: RpcStatus): void {
    if (this.#over) {
      return
    }
    this.#end()
    if (this.#pages.begun) {
      this.#out.broken()
    } else {
      this.#out.whole(refusal(status))
    }
  }

  repeated(): void {
    this.#parts = []
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#deadline)
  }

  /** A failure that is no refusal is a defect: the log gets all of it, and the client that it is. */
  #guarded(step: () => void): void {
    if (this.#over) {
      return
    }
    try {
      step()
    } catch (error) {
      if (error instanceof RpcStatus) {
        this.failed(error)
        return
      }
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#serving.log('error', 'a call failed', { method: this.#method, error: stack })
      this.giveUp(new RpcStatus(Code.INTERNAL, 'internal error'))
    }
  }
}
