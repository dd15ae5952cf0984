interface Sample {
  readonly time: number
  readonly revision: number
}

/** How far a copy is behind its source, whose revision is asked for now and then. Times are in ms. */
export class Lag {
  #source = 0
  /** Of the source, those that the copy has not reached; oldest first. */
  #samples: Sample[] = []

  get sourceRevision(): number {
    return this.#source
  }

  sourceIsAt(revision: number, time: number): void {
    this.#source = Math.max(this.#source, revision)
    this.#samples.push({ time, revision })
  }

  /** In revisions, and in milliseconds since the source was where the copy is. */
  of(copied: number, time: number): { readonly revisions: number; readonly ms: number } {
    this.#samples = this.#samples.filter(({ revision }) => revision > copied)
    const [oldest] = this.#samples
    return {
      revisions: Math.max(this.#source - copied, 0),
      ms: oldest === undefined ? 0 : time - oldest.time,
    }
  }
}
