import { existsSync, rmSync } from 'node:fs'
import { keyspace } from '../../api/keyspaces.ts'
import { PATIENCE_SECONDS_MAX } from '../../api/restores.ts'
import type { BucketEntry, EtcdFile } from '../../etcd-file/etcd-file.ts'
import { type FileState, stateOfFile } from '../../etcd-file/state-entries.ts'
import { type ApiClient, ApiFailure } from '../api-client.ts'
import { Failure } from '../failure.ts'
import { batchesOf, type NewKeyspace, RestoreClient } from '../restore-client.ts'
import { withEtcdFile, withSnapshotFile } from '../snapshot-file.ts'
import type { CopyPoint } from './copy.ts'
import type { MigrationFile, MigrationState } from './migration-file.ts'
import { persistently } from './persistence.ts'
import { downloadSnapshot } from './snapshot-download.ts'
import type { Source } from './source.ts'

/** The history of a file, in the order in which it is sent. What else there is comes at the end. */
const HISTORY_BUCKETS = ['meta', 'key'] as const
/** How often the file is written while the copy goes on, and something is told. */
const REMEMBERED_MS = 1000
const TOLD_MS = 5000

interface Parts {
  readonly source: Source
  readonly api: ApiClient
  readonly target: string
  readonly made: NewKeyspace
  readonly file: MigrationFile
  readonly told: (line: string) => void
}

/** What a migration is and how far: it is begun, goes on after a stop, and is remembered in its file. */
export class Migration {
  readonly #parts: Parts
  #state: MigrationState
  readonly restore: RestoreClient
  #written = 0
  #wasEnding = false

  private constructor(parts: Parts, state: MigrationState) {
    this.#parts = parts
    this.#state = state
    this.restore = new RestoreClient(parts.api, state.keyspace, state.restore)
  }

  /** The one of the file where it can go on, else a new one. Throws Failure, and FileProblem. */
  static async open(parts: Parts): Promise<Migration> {
    const cluster = String(await parts.source.cluster())
    const left = parts.file.read()
    if (left !== undefined) {
      requireSame(left, { cluster, keyspace: parts.made.name, target: parts.target }, parts.file)
      const migration = new Migration(parts, left)
      const problem = await migration.#goOn()
      if (problem === undefined) {
        return migration
      }
      parts.told(`${problem}: beginning anew`)
      parts.file.remove()
    }
    return Migration.#begin(parts, cluster)
  }

  static async #begin(parts: Parts, cluster: string): Promise<Migration> {
    const { source, api, made, file, told } = parts
    await requireFree(api, made.name)
    try {
      await download(source, file.snapshotPath, told)
      return await Migration.#beginWith(parts, cluster)
    } catch (error) {
      file.remove()
      throw error
    }
  }

  static async #beginWith(parts: Parts, cluster: string): Promise<Migration> {
    const { api, made, file } = parts
    const snapshot = await withSnapshotFile(file.snapshotPath, (found) => ({
      // A store that nothing was written to is at revision 1.
      revision: Math.max(found.status.revision, stateOfFile(found.file).compactRevision, 1),
      changesSum: found.status.changesSum,
    }))
    const { id } = await RestoreClient.begin(api, made)
    const state: MigrationState = {
      format: 1,
      cluster,
      keyspace: made.name,
      target: parts.target,
      restore: id,
      snapshot,
      stage: 'copying',
      point: { revision: 0, changesSum: 0, entries: 0 },
    }
    file.write(state)
    return new Migration(parts, state)
  }

  get stage(): MigrationState['stage'] {
    return this.#state.stage
  }

  /** An earlier run was lost at its end, and may have left the source refusing writes. */
  get wasEnding(): boolean {
    return this.#wasEnding
  }

  get point(): CopyPoint {
    return this.#state.point
  }

  entering(stage: MigrationState['stage']): void {
    this.#remember({ ...this.#state, stage })
  }

  /** A revision that is there as a whole. It is written down now and then, and when the stage changes. */
  reached(point: CopyPoint): void {
    this.#state = { ...this.#state, point }
    if (Date.now() - this.#written >= REMEMBERED_MS) {
      this.#remember(this.#state)
    }
  }

  /** Sends the snapshot, or what is left of it. */
  async sendSnapshot(stop: AbortSignal): Promise<void> {
    if (this.stage !== 'copying') {
      return
    }
    const { told, file } = this.#parts
    const { entries: first } = await persistently(told, () => this.restore.progress())
    const next = await withEtcdFile(file.snapshotPath, (snapshot) =>
      this.#sendHistory(snapshot, first, stop),
    )
    const { snapshot } = this.#state
    this.#state = { ...this.#state, point: { ...snapshot, entries: next } }
    this.entering('following')
    told(`the snapshot of revision ${snapshot.revision} is there`)
  }

  async #sendHistory(snapshot: EtcdFile, first: number, stop: AbortSignal): Promise<number> {
    const { told } = this.#parts
    let next = first
    let toldAt = Date.now()
    for (const batch of batchesOf(historyBehind(snapshot, first))) {
      const from = next
      await persistently(told, () => this.restore.send(from, batch, PATIENCE_SECONDS_MAX))
      next += batch.length
      if (stop.aborted) {
        throw new Failure(`stopped after ${next} entries of the snapshot; run it again to go on`)
      }
      if (Date.now() - toldAt >= TOLD_MS) {
        toldAt = Date.now()
        told(`${next} entries of the snapshot are there`)
      }
    }
    return next
  }

  /** What the snapshot that the copy began with has besides history. */
  fileState(): Promise<FileState> {
    return withEtcdFile(this.#parts.file.snapshotPath, stateOfFile)
  }

  /** The same of one that is taken now. */
  async newFileState(): Promise<FileState> {
    const { source, file, told } = this.#parts
    const path = `${file.path}.users.db`
    try {
      await download(source, path, told)
      return await withSnapshotFile(path, (found) => stateOfFile(found.file))
    } finally {
      rmSync(path, { force: true })
    }
  }

  /** The keyspace is there; or all of it is to begin anew. */
  forget(): void {
    this.#parts.file.remove()
  }

  #remember(state: MigrationState): void {
    this.#state = state
    this.#written = Date.now()
    this.#parts.file.write(state)
  }

  /** Answers why it cannot, if it cannot. */
  async #goOn(): Promise<string | undefined> {
    const { file, told } = this.#parts
    if (!existsSync(file.snapshotPath)) {
      return `${file.snapshotPath} is not there any more`
    }
    if (this.stage === 'committed' && (await this.#isThere())) {
      return undefined
    }
    let entries: number
    try {
      entries = (await persistently(told, () => this.restore.progress())).entries
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) {
        return 'the target has given the copy up'
      }
      throw error
    }
    if (entries < this.point.entries) {
      return `the target has ${entries} entries and had ${this.point.entries}`
    }
    this.#wasEnding = ['refusing', 'ending', 'committed'].includes(this.stage)
    if (this.stage === 'ending' || this.stage === 'committed') {
      // Some of what is not history has come, and comes again behind what there is.
      this.#remember({ ...this.#state, stage: 'following', point: { ...this.point, entries } })
    }
    const where = this.stage === 'copying' ? `entry ${entries}` : `revision ${this.point.revision}`
    told(`going on behind ${where}`)
    return undefined
  }

  /** Whether the end was reached, and no answer told of it. */
  async #isThere(): Promise<boolean> {
    try {
      const path = `/keyspaces/${this.#state.keyspace}`
      const found = await this.#parts.api.ask({ method: 'GET', path }, keyspace)
      return found.state === 'ready'
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) {
        return false
      }
      throw error
    }
  }
}

function* historyBehind(snapshot: EtcdFile, first: number): Generator<BucketEntry, void> {
  let passed = 0
  for (const bucket of HISTORY_BUCKETS) {
    for (const entry of snapshot.entries(bucket)) {
      if (passed < first) {
        passed += 1
      } else {
        yield entry
      }
    }
  }
}

async function download(source: Source, path: string, told: (line: string) => void): Promise<void> {
  let toldAt = Date.now()
  told('taking a snapshot of the source')
  await downloadSnapshot(source.client, path, (bytes, remaining) => {
    if (Date.now() - toldAt >= TOLD_MS) {
      toldAt = Date.now()
      told(`${bytes} bytes of the snapshot have come, ${remaining} are left`)
    }
  })
}

/** Before a long download. Throws Failure. */
async function requireFree(api: ApiClient, name: string): Promise<void> {
  try {
    await api.ask({ method: 'GET', path: `/keyspaces/${name}` }, keyspace)
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) {
      return
    }
    throw error
  }
  throw new Failure('keyspace already exists')
}

function requireSame(
  left: MigrationState,
  now: Pick<MigrationState, 'cluster' | 'keyspace' | 'target'>,
  { path }: MigrationFile,
): void {
  const others = (['cluster', 'keyspace', 'target'] as const).filter((of) => left[of] !== now[of])
  if (others.length > 0) {
    throw new Failure(
      `${path} is of a migration with another ${others.join(' and ')}: remove it, or name another --state`,
    )
  }
}
