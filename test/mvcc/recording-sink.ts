import type { Sink, WatchResponse } from '../../src/mvcc/watch-response.ts'

/** Keeps what it is sent, and is ready for as many responses as it has room for. */
export class RecordingSink implements Sink {
  readonly responses: WatchResponse[] = []
  room: number
  /** How often the hub has said that there are changes to take. */
  changes = 0
  readonly #heard: (response: WatchResponse) => void

  constructor(room = Infinity, heard: (response: WatchResponse) => void = () => undefined) {
    this.room = room
    this.#heard = heard
  }

  get ready(): boolean {
    return this.room > 0
  }

  send(response: WatchResponse): void {
    this.responses.push(response)
    this.room = Math.max(0, this.room - 1)
    this.#heard(response)
  }

  changed(): void {
    this.changes++
  }

  /** What has come since the last call. */
  take(): readonly WatchResponse[] {
    return this.responses.splice(0)
  }
}
