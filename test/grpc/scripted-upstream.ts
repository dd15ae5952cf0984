import type {
  AnswerHandle,
  AnswerReader,
  StreamHandle,
  StreamReader,
  Upstream,
  WatchHandle,
  WatchOptions,
} from '../../src/link/upstream.ts'
import type { Call, CallContext } from '../../src/protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../../src/protocol/status.ts'

/** A stream as the upstream sees it. */
export interface UpstreamStream {
  readonly reader: StreamReader
  readonly options: WatchOptions | undefined
  readonly requests: Uint8Array[]
  taken: number
  isCanceled: boolean
}

/**
 * A keyspace that echoes: a call is answered with its request, as a server stream is, and a watch with
 * each of its requests. As etcd does it refuses a Range without a key, and what is no protobuf, of
 * which it knows one byte: ff.
 */
export class ScriptedUpstream implements Upstream {
  readonly calls: Call[] = []
  readonly streams: UpstreamStream[] = []
  /** Signals of calls that were aborted. */
  aborted = 0
  /** In place of the echo. */
  answer: (call: Call) => Promise<readonly Uint8Array[]> = async ({ request }) => [request]

  async call(call: Call, signal: AbortSignal | undefined): Promise<readonly Uint8Array[]> {
    this.calls.push(call)
    signal?.addEventListener('abort', () => this.aborted++, { once: true })
    const refusal = refusalOf(call)
    if (refusal !== undefined) {
      throw refusal
    }
    return this.answer(call)
  }

  /** What is said of the length of an answer; undefined says what it is. */
  answerBytes: number | undefined

  ask(call: Call, reader: AnswerReader): AnswerHandle {
    const controller = new AbortController()
    let bytes = 0
    const answer = async (): Promise<void> => {
      try {
        const parts = await this.call(call, controller.signal)
        bytes = parts.reduce((sum, part) => sum + part.length, 0)
        parts.slice(0, -1).forEach((part) => reader.part(part))
        reader.answered(parts.at(-1) ?? Buffer.alloc(0))
      } catch (error) {
        // Some tests fail with what is no status, as a fault would.
        reader.failed(error as RpcStatus)
      }
    }
    void answer()
    return {
      taken: () => undefined,
      measure: () => reader.measured?.(this.answerBytes ?? bytes),
      cancel: () => controller.abort(),
    }
  }

  stream(call: Call, reader: StreamReader): StreamHandle {
    const stream = this.#open(reader, undefined)
    stream.requests.push(call.request)
    queueMicrotask(() => {
      const refusal = refusalOf(call)
      if (refusal === undefined) {
        reader.received(call.request)
      }
      reader.ended(refusal)
    })
    return this.#control(stream)
  }

  watch(_context: CallContext, reader: StreamReader, options: WatchOptions): WatchHandle {
    const stream = this.#open(reader, options)
    const request = (message: Uint8Array): void => {
      stream.requests.push(message)
      queueMicrotask(() => {
        if (message[0] === 0xff) {
          reader.ended(unreadable())
        } else if (!stream.isCanceled) {
          reader.received(message)
        }
      })
    }
    return { ...this.#control(stream), request }
  }

  #open(reader: StreamReader, options: WatchOptions | undefined): UpstreamStream {
    const stream = { reader, options, requests: [], taken: 0, isCanceled: false }
    this.streams.push(stream)
    return stream
  }

  #control(stream: UpstreamStream): StreamHandle {
    return {
      taken: (bytes) => {
        stream.taken += bytes
      },
      cancel: () => {
        stream.isCanceled = true
      },
    }
  }
}

function refusalOf({ method, request }: Call): RpcStatus | undefined {
  if (request[0] === 0xff) {
    return unreadable()
  }
  const needsKey = method === '/etcdserverpb.KV/Range'
  return needsKey && request.length === 0 ? statusOf('empty-key') : undefined
}

function unreadable(): RpcStatus {
  const why = 'proto: cannot parse invalid wire-format data'
  return new RpcStatus(Code.INTERNAL, `grpc: error unmarshalling request: ${why}`)
}
