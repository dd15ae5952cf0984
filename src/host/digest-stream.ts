import { createHash } from 'node:crypto'

/** `crypto.DigestStream` of Workers: hashes what is written to it. */
export class DigestStream extends WritableStream<Uint8Array> {
  /** Resolves when the stream is closed. */
  readonly digest: Promise<ArrayBuffer>

  constructor(algorithm: string) {
    const hash = createHash(algorithm.replace('-', ''))
    const { promise, resolve, reject } = Promise.withResolvers<ArrayBuffer>()
    super({
      write: (chunk) => void hash.update(chunk),
      close: () => resolve(new Uint8Array(hash.digest()).buffer),
      abort: (reason) => reject(reason),
    })
    this.digest = promise
  }
}
