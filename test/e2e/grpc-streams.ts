// Streams of gRPC messages as a test reads and writes them, and calls that are to be refused.
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
  status as Code,
  type StatusObject,
} from '@grpc/grpc-js'

/** How a call ended that was refused. */
export interface GrpcRefusal {
  readonly code: number
  readonly message: string
}

/** A message that never comes fails the test by name instead of by the runner's time limit. */
const nextMsMax = 20_000
/** More than that is left to HTTP/2's flow control. */
const messagesWaitingMax = 100

export interface Patience {
  /** More messages are not read before they are asked for. */
  readonly waitingMax?: number | undefined
  /** How long a message may take. */
  readonly patienceMs?: number | undefined
}

/** It did not come in time. */
export class NoMessage extends Error {
  override readonly name = 'NoMessage'
}

/** The messages of a stream, in order. */
export class GrpcReader<Answer> {
  readonly #call: ClientReadableStream<Buffer>
  readonly #decode: (bytes: Buffer) => Answer
  readonly #waiting: Buffer[] = []
  #status: StatusObject | undefined
  readonly #nextMsMax: number
  #ended = false
  #seen = 0
  #wake: (() => void) | undefined

  constructor(
    call: ClientReadableStream<Buffer>,
    decodeAnswer: (bytes: Buffer) => Answer,
    { waitingMax = messagesWaitingMax, patienceMs = nextMsMax }: Patience = {},
  ) {
    this.#call = call
    this.#decode = decodeAnswer
    this.#nextMsMax = patienceMs
    call.on('data', (bytes: Buffer) => {
      this.#waiting.push(bytes)
      if (this.#waiting.length >= waitingMax) {
        call.pause()
      }
      this.#wake?.()
    })
    call.on('end', () => {
      this.#ended = true
      this.#wake?.()
    })
    call.on('status', (status) => {
      this.#status = status
      this.#wake?.()
    })
    // The status says the same.
    call.on('error', () => undefined)
  }

  /** undefined at a good end; rejects with a GrpcEnd at another one. */
  async next(): Promise<Answer | undefined> {
    const bytes = await this.#nextBytes()
    this.#seen += 1
    if (bytes !== undefined) {
      return this.#decode(bytes)
    }
    if (this.#status !== undefined && this.#status.code !== Code.OK) {
      throw new GrpcEnd(this.#status)
    }
    return undefined
  }

  async #nextBytes(): Promise<Buffer | undefined> {
    const deadline = AbortSignal.timeout(this.#nextMsMax)
    for (;;) {
      const bytes = this.#waiting.shift()
      if (bytes !== undefined) {
        return bytes
      }
      if (this.#ended && this.#status !== undefined) {
        return undefined
      }
      this.#call.resume()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      deadline.onabort = () => resolve()
      await promise
      if (deadline.aborted) {
        throw new NoMessage(`no message after the ${this.#seen} before`)
      }
    }
  }

  async all(): Promise<readonly Answer[]> {
    const answers: Answer[] = []
    for (let answer = await this.next(); answer !== undefined; answer = await this.next()) {
      answers.push(answer)
    }
    return answers
  }

  cancel(): void {
    this.#call.cancel()
  }
}

export class GrpcStream<Request, Answer> extends GrpcReader<Answer> {
  readonly #call: ClientDuplexStream<Buffer, Buffer>
  readonly #encode: (request: Request) => Buffer

  constructor(
    call: ClientDuplexStream<Buffer, Buffer>,
    encodeOne: (request: Request) => Buffer,
    decodeAnswer: (bytes: Buffer) => Answer,
    patience: Patience = {},
  ) {
    super(call, decodeAnswer, patience)
    this.#call = call
    this.#encode = encodeOne
  }

  send(request: Request): void {
    this.#call.write(this.#encode(request))
  }

  halfClose(): void {
    this.#call.end()
  }
}

/** A stream that the server ended with another status than OK. */
class GrpcEnd extends Error {
  override readonly name = 'GrpcEnd'
  readonly code: number
  readonly details: string

  constructor({ code, details }: StatusObject) {
    super(`${code} ${details}`)
    this.code = code
    this.details = details
  }
}

/** The code and text of a call, or of the next message, that is expected to be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<GrpcRefusal> {
  try {
    await call
  } catch (error) {
    if (isRefusal(error)) {
      return { code: error.code, message: error.details }
    }
    throw error
  }
  throw new Error('the call was not refused')
}

export function isRefusal(error: unknown): error is GrpcEnd | ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error
}
