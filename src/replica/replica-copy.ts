import type { Sql } from '../mvcc/sql.ts'
import type { ReplicaCharge } from '../protocol/replica-rpc.ts'
import type { RecoveryProgress } from '../protocol/shard-rpc.ts'
import { CopyRestore } from '../shard/copy-restore.ts'
import { creationIn } from '../shard/creation.ts'
import type { Machine } from '../shard/machine.ts'
import { sourceIn } from '../shard/restore-row.ts'
import { beginRestore, restoreIn } from '../shard/restore.ts'
import type { LeaderClient } from './leader-client.ts'
import { recordStanding } from './replica-row.ts'

/** Of `default`, which nobody makes. */
const NEVER = { created: 0 }

/** Whether all that the replica began with is here. */
export function isWhole(sql: Sql): boolean {
  return creationIn(sql) !== undefined
}

/** Makes a replica whole: a copy of the leader's keyspace, which it follows from there. */
export class ReplicaCopy {
  readonly #charge: ReplicaCharge
  readonly #copy: CopyRestore

  constructor(
    sql: Sql,
    charge: ReplicaCharge,
    { leader, machine }: { readonly leader: LeaderClient; readonly machine: Machine | undefined },
  ) {
    this.#charge = charge
    if (restoreIn(sql) === undefined) {
      beginCopy(sql, charge)
    }
    const source = sourceIn(sql) as ConstructorParameters<typeof CopyRestore>[1]
    this.#copy = new CopyRestore(sql, source, { shard: () => leader.stub, machine })
  }

  /** Goes on for some seconds. Throws RpcStatus, or what the leader's object is lost by. */
  advance(): Promise<RecoveryProgress> {
    return this.#copy.advance(this.#charge.creation ?? NEVER)
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
