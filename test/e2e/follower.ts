import { base64, isObject, type JsonObject } from './http.ts'
import { HttpStream } from './streams.ts'
import { eventsOf, WatchSession } from './watch-session.ts'

/**
 * A client that follows every key from the first revision on and, when its server went away,
 * goes on where it was.
 */
export class Follower {
  readonly events: JsonObject[] = []
  #watch: WatchSession | undefined

  /** Starts, or resumes, after the last event seen. */
  open(url: string): void {
    this.#watch = new WatchSession(new HttpStream(url, '/v3/watch'))
    const startRevision = modRevision(this.events.at(-1)) + 1
    this.#watch.create({
      key: base64('\0'),
      range_end: base64('\0'),
      start_revision: startRevision,
    })
  }

  /** Reads on until it has seen a revision. */
  async follow(revision: number): Promise<void> {
    while (modRevision(this.events.at(-1)) < revision) {
      if (this.#watch === undefined) {
        throw new Error('follows nothing')
      }
      const answer = await this.#watch.next()
      if (answer['canceled'] === true) {
        throw new Error(`cannot resume: ${JSON.stringify(answer)}`)
      }
      this.events.push(...eventsOf(answer))
    }
  }

  close(): void {
    this.#watch?.stream.close()
  }
}

/** Of an event; 1, the revision of an empty keyspace, where there is none. */
export function modRevision(event: JsonObject | undefined): number {
  const kv = event?.['kv']
  return isObject(kv) ? Number(kv['mod_revision']) : 1
}
