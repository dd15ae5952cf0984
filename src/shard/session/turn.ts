/** Something that is said, or written, at the end of the turn in which it came about. */
export interface Unflushed {
  flush(): void
  /** What it had to say could not be said: it must not be taken for said. */
  lost(): void
}

/**
 * What a turn of the event loop has touched. workerd holds messages back until the turn's writes are
 * durable, so no watcher hears of a revision that could be lost.
 */
export class Turn {
  readonly #touched = new Set<Unflushed>()

  touch(one: Unflushed): void {
    this.#touched.add(one)
  }

  /** For what comes up outside of a turn that somebody ends: it ends when all has run that can run now. */
  touchSoon(one: Unflushed): void {
    if (this.#touched.size === 0) {
      void this.#endSoon()
    }
    this.#touched.add(one)
  }

  /** A promise costs a fifth of a queueMicrotask, for which workerd makes a function of its own. */
  async #endSoon(): Promise<void> {
    await Promise.resolve()
    this.end()
  }

  /** It has nothing to say any more. */
  forget(one: Unflushed): void {
    this.#touched.delete(one)
  }

  /** One that fails keeps none of the others from saying what it has to say. */
  end(): void {
    for (const one of this.#touched) {
      try {
        one.flush()
      } catch (error) {
        // oxlint-disable-next-line no-console -- a Durable Object's log is its console
        console.error(error)
        one.lost()
      }
    }
    this.#touched.clear()
  }
}
