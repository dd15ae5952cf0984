import { Transform } from 'node:stream'
import { methodAt } from '../gateway-rules/call.ts'
import { streaming } from '../protocol/methods.ts'

const NEWLINE = 0x0a
/** What is longer is passed on as it comes: no message that clients take is. */
const lineBytesMax = 32 * 1024 * 1024

/** Whether what is answered at a path, of whichever keyspace, is a line for each message. */
export function answersLines(path: string): boolean {
  const [, version, call] = /\/(v3|v3beta)(\/[^?]*)/.exec(path) ?? []
  const method = version === undefined ? undefined : methodAt(`/v3${call}`)
  return method !== undefined && streaming(method) !== 'unary'
}

/**
 * Gives out each line by itself, however its bytes come in. On its way from the gateway a chunk of HTTP
 * may be cut, or joined with the next; clients take a chunk for a message.
 */
export class LineChunks extends Transform {
  #begun: Buffer[] = []
  #begunBytes = 0
  #lastLine: string | undefined

  override _transform(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    let rest = chunk
    while (rest.length > 0) {
      const end = rest.indexOf(NEWLINE) + 1
      const piece = end === 0 ? rest : rest.subarray(0, end)
      this.#begun.push(piece)
      this.#begunBytes += piece.length
      if (end > 0 || this.#begunBytes > lineBytesMax) {
        this.#give()
      }
      rest = rest.subarray(piece.length)
    }
    done()
  }

  override _flush(done: () => void): void {
    if (this.#lastLine === undefined) {
      this.#give()
    } else {
      this.push(this.#lastLine)
    }
    done()
  }

  #give(): void {
    if (this.#begunBytes > 0) {
      this.push(Buffer.concat(this.#begun, this.#begunBytes))
      this.#begun = []
      this.#begunBytes = 0
    }
  }

  /** Ends with this line, in place of one that has only begun, unless it has ended. */
  endWith(line: string): void {
    if (!this.writableEnded) {
      this.#lastLine = line
      this.end()
    }
  }
}
