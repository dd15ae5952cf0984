import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So much may be let go before it is collected. */
const GARBAGE_BYTES_MAX = 4 * 1024 * 1024
/** Shorter buffers come with so many objects that V8 collects them by itself in time. */
const BUFFER_BYTES_MIN = 64 * 1024

// There is no other way to the collector than the flag, which is read when a context is made.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as NodeJS.GCFunction

/**
 * The memory of long messages that have been passed on. V8 looks at its own heap, where such a buffer
 * is next to nothing, and lets 32 MiB of young ones and more gather before it collects any: a list of
 * 100 MB took up to 70 MB of fresh memory. Collected early, the same few MB serve for all of it, at a
 * third of the CPU time, since fresh memory has to be mapped and cleared.
 */
export class BufferGarbage {
  #bytes = 0

  /** A buffer of that length has come, and will be garbage soon. */
  add(bytes: number): void {
    if (bytes < BUFFER_BYTES_MIN) {
      return
    }
    this.#bytes += bytes
    if (this.#bytes > GARBAGE_BYTES_MAX) {
      this.#bytes = 0
      collect({ type: 'minor', execution: 'sync' })
    }
  }
}
