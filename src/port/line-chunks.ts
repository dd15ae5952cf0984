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
export function lineChunks(): Transform {
  let begun: Buffer[] = []
  let begunBytes = 0
  const flush = (out: Transform): void => {
    if (begunBytes > 0) {
      out.push(Buffer.concat(begun, begunBytes))
      begun = []
      begunBytes = 0
    }
  }
  return new Transform({
    transform(chunk: Buffer, _, done) {
      let rest = chunk
      while (rest.length > 0) {
        const end = rest.indexOf(NEWLINE) + 1
        const piece = end === 0 ? rest : rest.subarray(0, end)
        begun.push(piece)
        begunBytes += piece.length
        if (end > 0 || begunBytes > lineBytesMax) {
          flush(this)
        }
        rest = rest.subarray(piece.length)
      }
      done()
    },
    flush(done) {
      flush(this)
      done()
    },
  })
}
