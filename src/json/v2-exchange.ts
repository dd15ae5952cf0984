import type { Shown } from '../door/shown.ts'
import { contextOf } from '../gateway-rules/call.ts'
import { notFoundPage, type WholeResponse, refusal } from '../gateway-rules/response.ts'
import { credentialsOf } from '../gateway-rules/v2-credentials.ts'
import { keysAnswer, refusalJson, type V2Response } from '../gateway-rules/v2-keys-answer.ts'
import { keysCall } from '../gateway-rules/v2-keys-call.ts'
import { joinPath } from '../gateway-rules/v2-path.ts'
import type { AnswerReader, StreamHandle } from '../link/upstream.ts'
import { Code, type RpcStatus } from '../protocol/status.ts'
import type { V2Answered, V2Refused } from '../protocol/v2-call.ts'
import { decodeV2Answer, V2_METHOD } from '../protocol/v2-wire.ts'
import type { JsonServing, ResponseOut } from './exchange.ts'
import type { PlainV2Request } from './v2-request.ts'

/** A request of /v2/keys that does not wait, from its head to its answer. */
export class V2Exchange implements AnswerReader {
  readonly waits = false
  /** What is lost under way may have been done. */
  readonly repeatable = false
  readonly #upstream: JsonServing['upstream']
  readonly #commonName: string | undefined
  readonly #out: ResponseOut
  #asked: StreamHandle | undefined
  #over = false

  constructor({ upstream, commonName }: JsonServing, out: ResponseOut) {
    this.#upstream = upstream
    this.#commonName = commonName
    this.#out = out
  }

  /** It may be answered before this returns. */
  start(request: PlainV2Request, shown: Shown, body: Uint8Array): void {
    const { method, rest, query } = request.v2
    const path = joinPath(rest)
    const keys = keysCall({
      method,
      contentType: request.headers.get('Content-Type'),
      query,
      body,
      path: path === '/' ? '' : path,
      askedPath: rest,
      credentials: credentialsOf({ request, shown, commonName: this.#commonName }),
    })
    const { accessToken } = contextOf(shown, undefined)
    this.#asked = this.#upstream.ask({ method: V2_METHOD, keys, context: { accessToken } }, this)
  }

  giveUp(status: RpcStatus): void {
    if (!this.#over) {
      this.#asked?.cancel()
      this.failed(status)
    }
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    if (!this.#over) {
      this.#over = true
      this.#asked?.cancel()
    }
  }

  /** Its answers come whole. */
  part(bytes: Uint8Array): void {
    this.#asked?.taken(bytes.length)
  }

  answered(bytes: Uint8Array): void {
    this.answeredV2(decodeV2Answer(bytes))
  }

  answeredV2(answer: V2Answered | V2Refused): void {
    this.#end(keysAnswer(answer))
  }

  failed(status: RpcStatus): void {
    this.#end(answerTo(status))
  }

  repeated(): void {
    // Nothing has been passed on.
  }

  #end(answer: WholeResponse | V2Response): void {
    if (!this.#over) {
      this.#over = true
      this.#out.whole(answer)
    }
  }
}

/** Who may not come in is told so as everywhere. */
const ofDoor: ReadonlySet<Code> = new Set([
  Code.UNAUTHENTICATED,
  Code.PERMISSION_DENIED,
  Code.NOT_FOUND,
])

function answerTo(status: RpcStatus): WholeResponse {
  // The shard has no v2 API, or is of a time when it had none.
  if (status.code === Code.UNIMPLEMENTED) {
    return notFoundPage
  }
  return ofDoor.has(status.code) ? refusal(status) : failure(status)
}

/** As etcd tells of a proposal that was lost. */
function failure({ message }: RpcStatus): WholeResponse {
  return {
    status: 500,
    headers: { 'Content-Type': 'application/json', 'X-Etcd-Index': '0' },
    body: refusalJson({ code: 300, cause: message, index: 0 }),
  }
}
