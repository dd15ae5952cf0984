import type { Recorder } from '../lab/recorder.ts'
import type { Sample } from '../lab/told.ts'

/** For what a region has not told by then nobody waits. */
const LATE_MS = 3_000
/** Clocks of Workers go in steps of one. */
const STEP_MS = 1

/** An operation whose times are of our own clock. */
type Operation = Omit<Sample, 'behind'>

/**
 * Says of each read how much it missed. A write that was acknowledged before may be heard of later than the read, so a
 * read is judged when all regions have told what they had seen when it was sent.
 */
export class Judge {
  readonly #recorder: Recorder
  #waiting: Operation[] = []

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  heard(operation: Operation): void {
    this.#waiting.push(operation)
  }

  /** `knownTo`: until then all is known. `clockMs`: so far the clocks of two regions may be apart. */
  judge(
    now: number,
    { knownTo, clockMs }: { readonly knownTo: number; readonly clockMs: number },
  ): void {
    const waiting: Operation[] = []
    for (const operation of this.#waiting) {
      const sent = operation.time - operation.ms
      if (sent > knownTo && now - operation.time < LATE_MS) {
        waiting.push(operation)
      } else {
        this.#recorder.sampled({ ...operation, behind: this.#behind(operation, sent, clockMs) })
      }
    }
    this.#waiting = waiting
  }

  /** A violation has to be one beyond doubt; a serializable read may be stale, and is as far as is known. */
  #behind({ kind, revision, error }: Operation, sent: number, clockMs: number): number {
    if (kind === 'write' || error !== '') {
      return 0
    }
    const doubt = kind === 'linearizable' ? clockMs : 0
    return Math.max(0, this.#recorder.acknowledgedBy(sent - doubt - STEP_MS) - revision)
  }
}
