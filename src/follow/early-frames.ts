import type { Frame } from './frame.ts'

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

  find(test: (frame: Frame) => boolean): Frame | undefined {
    return this.#frames.find(({ frame }) => test(frame))?.frame
  }

  /** Drops all others. */
  keep(test: (frame: Frame) => boolean): void {
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
