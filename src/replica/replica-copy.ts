import type { Sql } from '../mvcc/sql.ts'
import type { ReplicaCharge } from '../protocol/replica-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { CopyRestore } from '../shard/copy-restore.ts'
import { creationIn } from '../shard/creation.ts'
import type { Machine } from '../shard/machine.ts'
import { sourceIn } from '../shard/restore-row.ts'
import { beginRestore, restoreIn } from '../shard/restore.ts'
import type { LeaderClient } from './leader-client.ts'
import { recordStanding } from './replica-row.ts'

const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 10_000

/** Of `default`, which nobody makes. */
const NEVER = { created: 0 }

/** Whether all that the replica began with is here. */
export function isWhole(sql: Sql): boolean {
  return creationIn(sql) !== undefined
}

/** Makes a replica whole: a copy of the leader's keyspace, which it follows from there. */
export class ReplicaCopy {
  readonly charge: ReplicaCharge
  readonly leader: LeaderClient
  readonly #copy: CopyRestore
  #retryMs = RETRY_MS_MIN

  constructor(
    sql: Sql,
    charge: ReplicaCharge,
    { leader, machine }: { readonly leader: LeaderClient; readonly machine: Machine | undefined },
  ) {
    this.charge = charge
    this.leader = leader
    if (restoreIn(sql) === undefined) {
      beginCopy(sql, charge)
    }
    const source = sourceIn(sql) as ConstructorParameters<typeof CopyRestore>[1]
    this.#copy = new CopyRestore(sql, source, { shard: () => leader.stub, machine })
  }

  /**
   * Goes on for some seconds. What is left is to be gone on with in so many ms. `in-vain` is a copy of a revision that
   * the leader has compacted meanwhile.
   */
  async goOn(): Promise<number | 'whole' | 'in-vain'> {
    try {
      const { state } = await this.#copy.advance(this.charge.creation ?? NEVER)
      this.#retryMs = RETRY_MS_MIN
      return state === 'ready' ? 'whole' : 0
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.warn(`the replica in ${this.charge.region} was not copied: ${String(error)}`)
      if (error instanceof RpcStatus && error.code === Code.ABORTED) {
        return 'in-vain'
      }
      await this.leader.find().catch(() => false)
      const retryMs = this.#retryMs
      this.#retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
      return retryMs
    }
  }
}

/**
 * What is copied is of the epoch that the directory has told of, or of a later one: who leads then finds out whether it is
 * all of its own history.
 */
function beginCopy(sql: Sql, { keyspace, jurisdiction, epoch }: ReplicaCharge): void {
  const source = { kind: 'keyspace', name: keyspace, jurisdiction, revision: 0 }
  sql.transaction(() => {
    beginRestore(sql, crypto.randomUUID(), Date.now(), JSON.stringify(source))
    recordStanding(sql, epoch, undefined)
  })
}
