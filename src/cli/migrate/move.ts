import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyspaceSums } from '../../api/keyspaces.ts'
import { ApiClient } from '../api-client.ts'
import { Failure } from '../failure.ts'
import { optionsGiven } from '../keyspace.ts'
import { writeOut } from '../write-out.ts'
import { differences } from './comparison.ts'
import { Copy } from './copy.ts'
import { cutOver, type CutOverResult, takeWritesAgain } from './cut-over.ts'
import type { MigrateFlags } from './flag-table.ts'
import { Lag } from './lag.ts'
import { MigrationFile } from './migration-file.ts'
import { Migration } from './migration.ts'
import { persistently } from './persistence.ts'
import { SourceClient } from './source-client.ts'
import { Source } from './source.ts'
import { CompactedFailure } from './watch.ts'

/** How often the source is asked where it is, and how often somebody is told. */
const SAMPLE_MS = 500
const TOLD_MS = 5000
/** A copy that is no further behind has caught up. */
const CAUGHT_UP_MS = 1000

interface Surroundings {
  readonly told: (line: string) => void
  readonly stop: AbortSignal
}

/** An etcd on its way into a keyspace, from the first question to the last comparison. */
export class Move {
  readonly #flags: MigrateFlags
  readonly #told: (line: string) => void
  readonly #stop: AbortSignal
  readonly #api: ApiClient
  readonly #source: Source
  readonly #refusesWrites: boolean

  /** Throws Failure where a file cannot be read. */
  constructor(flags: MigrateFlags, { told, stop }: Surroundings) {
    this.#flags = flags
    this.#told = told
    this.#stop = stop
    this.#api = new ApiClient({ ...flags, endpoint: flags.to })
    this.#source = new Source(new SourceClient(flags))
    this.#refusesWrites = !flags['source-stays-writable']
  }

  /** Resolves to what is to be printed. Throws Failure, FileProblem, and CompactedFailure to begin anew. */
  async run(): Promise<string> {
    const { keyspace: name, state, to } = this.#flags
    const migration = await Migration.open({
      source: this.#source,
      api: this.#api,
      target: to.href,
      made: { name, options: optionsGiven(this.#flags) },
      file: new MigrationFile(state || `${name}.migration`),
      told: this.#told,
    })
    try {
      const result =
        migration.stage === 'committed'
          ? await this.#committed(migration)
          : await this.#copyAndCutOver(migration)
      const answer = await this.#checked(migration, result)
      migration.forget()
      return answer
    } catch (error) {
      if (error instanceof CompactedFailure) {
        migration.forget()
      }
      throw error
    } finally {
      this.#source.client.close()
    }
  }

  /** An earlier run has not heard of its end. */
  async #committed({ restore, point }: Migration): Promise<CutOverResult> {
    const keyspace = await persistently(this.#told, () => restore.commit(point))
    return { keyspace, leases: undefined, gapMs: undefined }
  }

  async #copyAndCutOver(migration: Migration): Promise<CutOverResult> {
    if (migration.wasEnding) {
      await this.#takeWritesAgain()
    }
    await migration.sendSnapshot(this.#stop)
    const fileState = await migration.fileState()
    const copy = new Copy(this.#source.client, migration.restore, migration.point, {
      told: this.#told,
      reached: (point) => migration.reached(point),
    })
    await this.#follow(copy, migration)
    return cutOver({
      source: this.#source,
      copy,
      restore: migration.restore,
      refusesWrites: this.#refusesWrites,
      fileState,
      newFileState: () => migration.newFileState(),
      entering: (stage) => migration.entering(stage),
      told: this.#told,
      stop: this.#stop,
    })
  }

  /** Resolves when it is told to cut over, and has caught up. */
  async #follow(copy: Copy, migration: Migration): Promise<void> {
    // What it fails with comes out below.
    const failing = copy.start()
    failing.catch(() => undefined)
    const wanted = this.#flags['cut-over'] ? undefined : this.#untilAsked()
    let isWanted = wanted === undefined
    void wanted?.then(() => (isWanted = true))
    const lag = new Lag()
    for (let toldAt = 0; ;) {
      const asked = persistently(this.#told, () => this.#source.revision())
      lag.sourceIsAt((await Promise.race([asked, failing])) ?? 0, Date.now())
      if (this.#stop.aborted) {
        migration.entering('following')
        throw new Failure(`stopped at revision ${copy.point.revision}; run it again to go on`)
      }
      const behind = lag.of(copy.point.revision, Date.now())
      if (isWanted && behind.ms < CAUGHT_UP_MS) {
        return
      }
      if (Date.now() - toldAt >= TOLD_MS) {
        toldAt = Date.now()
        const shown = `${behind.revisions} behind, ${(behind.ms / 1000).toFixed(1)} s`
        this.#told(`at revision ${copy.point.revision} of ${lag.sourceRevision}: ${shown}`)
      }
      await Promise.race([failing, sleep(SAMPLE_MS)])
    }
  }

  #takeWritesAgain(): Promise<void> {
    return takeWritesAgain({
      source: this.#source,
      refusesWrites: this.#refusesWrites,
      told: this.#told,
    })
  }

  async #untilAsked(): Promise<void> {
    const asked = [once(process, 'SIGUSR1')]
    if (process.stdin.isTTY) {
      asked.push(once(process.stdin, 'data'))
    }
    const enter = process.stdin.isTTY ? 'Enter, or ' : ''
    this.#told(`${enter}"kill -USR1 ${process.pid}" cuts over`)
    await Promise.race(asked)
  }

  /** Compares source and target when all is done. Throws Failure where they differ. */
  async #checked(
    { point: { revision } }: Migration,
    { keyspace, leases, gapMs }: CutOverResult,
  ): Promise<string> {
    const path = `/keyspaces/${keyspace.name}/sums?revision=${revision}`
    const [sums, hash, auth, now] = await Promise.all([
      persistently(this.#told, () => this.#api.ask({ method: 'GET', path }, keyspaceSums)),
      persistently(this.#told, () => this.#source.hashKv(revision)),
      persistently(this.#told, () => this.#source.auth()),
      persistently(this.#told, () => this.#source.revision()),
    ])
    const problems = [
      ...(now === revision ? [] : [`the source has gone on to revision ${now}`]),
      ...differences(sums, { hash, auth, leases }),
    ]
    if (problems.length > 0) {
      await this.#takeWritesAgain()
      const { name } = keyspace
      throw new Failure(
        `keyspace ${name} was made of revision ${revision}, but ${problems.join(', and ')}: ` +
          `delete it and migrate again`,
      )
    }
    const made = { ...keyspace, revision, hash: sums.hash, leases: sums.leases }
    const gap = gapMs === undefined ? {} : { gapMs: Math.round(gapMs) }
    const took = gapMs === undefined ? '' : `; no writes for ${(gapMs / 1000).toFixed(2)} s`
    return writeOut(
      this.#flags,
      { ...made, ...gap },
      () =>
        `Keyspace ${keyspace.name} migrated at revision ${revision}, HashKV ${sums.hash}${took}`,
    )
  }
}
