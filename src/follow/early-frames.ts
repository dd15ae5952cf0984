import type { Standing } from './follower-events.ts'
import type { Frame } from './frame.ts'
import { type NextVerdict, verdictOn } from './verdict.ts'

const FRAMES_MAX = 256
const BYTES_MAX = 1024 * 1024

interface Early {
  readonly frame: Frame
  /** The last request that had left when it came. */
  readonly request: number
}

/** Frames that wait for what is missing before them. */
export class EarlyFrames {
  #frames: readonly Early[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  /** False where there is no room for it. */
  add(frame: Frame, request: number): boolean {
    if (this.#frames.length >= FRAMES_MAX || this.#bytes + frame.bytes > BYTES_MAX) {
      return false
    }
    this.#frames = [...this.#frames, { frame, request }]
    this.#bytes += frame.bytes
    return true
  }

  /** The one that comes next; where none does, those are dropped that are here by now. */
  next(standing: Standing): { readonly frame: Frame; readonly verdict: NextVerdict } | undefined {
    for (const { frame } of this.#frames) {
      const verdict = verdictOn(frame, standing, undefined)
      if (verdict.kind === 'next') {
        return { frame, verdict }
      }
    }
    this.#keep((frame) => verdictOn(frame, standing, undefined).kind === 'early')
    return undefined
  }

  clear(): void {
    this.#keep(() => false)
  }

  #keep(test: (frame: Frame) => boolean): void {
    this.#set(this.#frames.filter(({ frame }) => test(frame)))
  }

  /** Those that came before the request left are not waited for: what it has brought is newer. */
  dropBefore(request: number): void {
    this.#set(this.#frames.filter((early) => early.request >= request))
  }

  #set(frames: readonly Early[]): void {
    this.#frames = frames
    this.#bytes = frames.reduce((sum, { frame }) => sum + frame.bytes, 0)
  }
}
