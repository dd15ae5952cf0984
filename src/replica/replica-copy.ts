import type { Sql } from '../mvcc/sql.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import type { ReplicaCharge } from '../protocol/replica-rpc.ts'
import { isRefused } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { ArchiveRestore, type ArchiveSource } from '../shard/archive-restore.ts'
import type { CopiedArchive } from '../shard/copied-archive.ts'
import { CopyRestore, type CopySource } from '../shard/copy-restore.ts'
import { creationIn } from '../shard/creation.ts'
import type { Machine } from '../shard/machine.ts'
import { sourceIn } from '../shard/restore-row.ts'
import type { RestoreSource, SourceRestore } from '../shard/restore-source.ts'
import { beginRestore, restoreIn } from '../shard/restore.ts'
import type { LeaderClient } from './leader-client.ts'
import { hasArchiveFailed, recordStanding } from './replica-row.ts'

const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 10_000
/** So often an archive that cannot be reached is tried, which is half a minute, before the leader is copied instead. */
const ARCHIVE_TRIES = 8

/** Of `default`, which nobody makes. */
const NEVER = { created: 0 }

interface CopyParts {
  readonly leader: LeaderClient
  readonly machine: Machine | undefined
  /** Where the deployment's archives are. */
  readonly objects: ObjectStore | undefined
}

/** Whether all that the replica began with is here. */
export function isWhole(sql: Sql): boolean {
  return creationIn(sql) !== undefined
}

/**
 * Makes a replica whole: a copy of the leader's keyspace, which it follows from there. Where the keyspace is archived,
 * the archive is copied, and the leader sends what has come since. The state beside the log is the leader's own word in
 * any case: nobody is answered before it has come.
 */
export class ReplicaCopy {
  readonly charge: ReplicaCharge
  readonly leader: LeaderClient
  readonly #sql: Sql
  readonly #parts: CopyParts
  #restore: SourceRestore | undefined
  #retryMs = RETRY_MS_MIN
  #failures = 0

  constructor(sql: Sql, charge: ReplicaCharge, parts: CopyParts) {
    this.charge = charge
    this.leader = parts.leader
    this.#sql = sql
    this.#parts = parts
  }

  /**
   * Goes on for some seconds. What is left is to be gone on with in so many ms. `in-vain` is a copy of a revision that
   * the leader has compacted meanwhile, `no-archive` one of an archive that is of no use.
   */
  async goOn(): Promise<number | 'whole' | 'in-vain' | 'no-archive'> {
    try {
      this.#restore ??= await this.#begun()
      const { state } = await this.#restore.advance(this.charge.creation ?? NEVER)
      this.#retryMs = RETRY_MS_MIN
      this.#failures = 0
      return state === 'ready' ? 'whole' : 0
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.warn(`the replica in ${this.charge.region} was not copied: ${String(error)}`)
      if (this.#restore instanceof ArchiveRestore && this.#isOfNoUse(error)) {
        return 'no-archive'
      }
      if (error instanceof RpcStatus && error.code === Code.ABORTED) {
        return 'in-vain'
      }
      await this.leader.find().catch(() => false)
      const retryMs = this.#retryMs
      this.#retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
      return retryMs
    }
  }

  #isOfNoUse(error: unknown): boolean {
    this.#failures++
    const mayHelp = !(error instanceof RpcStatus) || error.code === Code.UNAVAILABLE
    return !mayHelp || this.#failures >= ARCHIVE_TRIES
  }

  async #begun(): Promise<SourceRestore> {
    const { objects, machine } = this.#parts
    if (restoreIn(this.#sql) === undefined) {
      beginCopy(this.#sql, this.charge, await this.#source())
    }
    const source = sourceIn(this.#sql) as RestoreSource
    if (source.kind === 'keyspace') {
      return new CopyRestore(this.#sql, source, { shard: () => this.leader.stub, machine })
    }
    if (objects === undefined) {
      throw new RpcStatus(Code.ABORTED, 'the archive that was being copied is out of reach')
    }
    return new ArchiveRestore(this.#sql, source, { objects, machine })
  }

  async #source(): Promise<RestoreSource> {
    const archived = await this.#archived()
    return archived === undefined
      ? ofLeader(this.charge)
      : { kind: 'archive', ...archived, bumpRevision: 0 }
  }

  async #archived(): Promise<CopiedArchive | undefined> {
    if (this.#parts.objects === undefined || hasArchiveFailed(this.#sql)) {
      return undefined
    }
    const answer = await this.leader.stub.copyArchive()
    if (answer !== undefined && isRefused(answer)) {
      throw new RpcStatus(answer.refused.code, answer.refused.message)
    }
    return answer
  }
}

function ofLeader({ keyspace, jurisdiction }: ReplicaCharge): CopySource {
  return {
    kind: 'keyspace',
    name: keyspace,
    jurisdiction,
    revision: 0,
    bumpRevision: 0,
  }
}

/**
 * What is copied is of the epoch that the directory has told of, or of a later one: who leads then finds out whether it is
 * all of its own history.
 */
function beginCopy(sql: Sql, { epoch }: ReplicaCharge, source: ArchiveSource | CopySource): void {
  sql.transaction(() => {
    beginRestore(sql, crypto.randomUUID(), Date.now(), JSON.stringify(source))
    recordStanding(sql, epoch, undefined)
  })
}
