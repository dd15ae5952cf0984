import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE_SECONDS_MAX } from '../../api/restores.ts'
import type { BucketEntry } from '../../etcd-file/etcd-file.ts'
import { HistoryEntries, type HistoryPoint } from '../../etcd-file/history-entries.ts'
import type { WatchResponse } from '../../protocol/generated/messages.ts'
import { Failure } from '../failure.ts'
import { batchesOf, type RestoreClient } from '../restore-client.ts'
import { AWAY_MS_MAX_IN_GAP, persistently } from './persistence.ts'
import type { SourceClient } from './source-client.ts'
import { Watch } from './watch.ts'

/** A copy that gets nothing says so often that it is still being made. */
const IDLE_MS = 15_000

/** Where a copy is: its history, and how many entries it was made of. */
export interface CopyPoint extends HistoryPoint {
  readonly entries: number
}

interface Ways {
  readonly told: (line: string) => void
  /** The copy has come so far: to be remembered. */
  readonly reached: (point: CopyPoint) => void
}

/**
 * The copy as it follows its source: a watch on everything, whose events become entries of the restore.
 * Their numbers are the same each time that they are sent, so after any loss it goes on behind the last
 * revision that came as a whole.
 */
export class Copy {
  readonly #client: SourceClient
  readonly #restore: RestoreClient
  readonly #ways: Ways
  #point: CopyPoint
  #watch: Watch | undefined
  #following: Promise<void> | undefined
  #isStopped = true
  #waiters: { readonly revision: number; readonly done: () => void }[] = []

  constructor(client: SourceClient, restore: RestoreClient, point: CopyPoint, ways: Ways) {
    this.#client = client
    this.#restore = restore
    this.#point = point
    this.#ways = ways
  }

  get point(): CopyPoint {
    return this.#point
  }

  /** Rejects where it cannot go on: with SourceFailure, ApiFailure, CompactedFailure or FileProblem. */
  start(): Promise<void> {
    this.#isStopped = false
    this.#following = this.#follow()
    return this.#following
  }

  /** Nothing is sent any more when it resolves. Rejects where the target does not take what is on its way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#watch?.end()
    await inTime(this.#following, AWAY_MS_MAX_IN_GAP, 'the target does not answer')
  }

  /** Resolves when the copy has that revision, and rejects where it cannot, or not in time. */
  async reach(revision: number, msMax: number): Promise<void> {
    if (this.#point.revision >= revision) {
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiters.push({ revision, done: resolve })
    const problem = `revision ${revision} of the source does not come`
    await inTime(Promise.race([promise, this.#following]), msMax, problem)
  }

  /** Sends entries of another kind, when it is stopped and nobody can write. */
  async add(added: Iterable<BucketEntry>): Promise<void> {
    const entries = await this.#send(this.#point.entries, added, AWAY_MS_MAX_IN_GAP)
    this.#advance({ ...this.#point, entries })
  }

  async #follow(): Promise<void> {
    await persistently(this.#ways.told, async (goesWell) => {
      if (this.#isStopped) {
        return
      }
      const watch = await Watch.open(this.#client, this.#point.revision + 1)
      this.#watch = watch
      try {
        await this.#read(watch, goesWell)
      } finally {
        watch.end()
      }
    })
  }

  async #read(watch: Watch, goesWell: () => void): Promise<void> {
    const history = new HistoryEntries(this.#point)
    let next = this.#point.entries
    while (!this.#isStopped) {
      const responses = await watch.next(IDLE_MS)
      if (this.#isStopped) {
        return
      }
      const { entries, whole } = read(responses, history, next)
      next = await this.#send(next, entries)
      goesWell()
      if (whole !== undefined) {
        this.#advance(whole)
      }
    }
  }

  /** Nothing is sent too: it keeps the restore alive. Answers the number of the next entry. */
  async #send(first: number, entries: Iterable<BucketEntry>, awayMsMax?: number): Promise<number> {
    let next = first
    const batches = [...batchesOf(entries)]
    for (const batch of batches.length === 0 ? [[]] : batches) {
      const from = next
      const send = () => this.#restore.send(from, batch, PATIENCE_SECONDS_MAX)
      await persistently(this.#ways.told, send, awayMsMax)
      next += batch.length
    }
    return next
  }

  #advance(point: CopyPoint): void {
    this.#point = point
    this.#ways.reached(point)
    this.#waiters = this.#waiters.filter(({ revision, done }) => {
      if (revision > point.revision) {
        return true
      }
      done()
      return false
    })
  }
}

/** Rejects with Failure where it takes longer. */
async function inTime(wanted: Promise<void> | undefined, msMax: number, problem: string) {
  const tooLate = sleep(msMax, undefined, { ref: false }).then(() => {
    throw new Failure(`${problem} within ${msMax / 1000} s`)
  })
  await Promise.race([wanted, tooLate])
}

/** The entries, and how far the history has come with them as a whole: parts of a message are none. */
function read(
  responses: readonly WatchResponse[],
  history: HistoryEntries,
  first: number,
): { readonly entries: readonly BucketEntry[]; readonly whole: CopyPoint | undefined } {
  const entries: BucketEntry[] = []
  let whole: CopyPoint | undefined
  for (const { events, fragment } of responses) {
    for (const event of events) {
      entries.push(history.entryOf(event))
    }
    if (events.length > 0 && !fragment) {
      whole = { ...history.point, entries: first + entries.length }
    }
  }
  return { entries, whole }
}
