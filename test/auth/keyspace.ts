import { AuthStore } from '../../src/auth/auth-store.ts'
import type { LeasedKeys } from '../../src/auth/check-permission.ts'
import { Lessor } from '../../src/lease/lessor.ts'
import { type Changed, Store } from '../../src/mvcc/store.ts'
import type { LeaseId } from '../../src/mvcc/types.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

export const NOW = 1_800_000_000_000
/** etcd's default, in milliseconds. */
export const TOKEN_TTL = 300_000

/** A store with its leases and its users over one database. */
export class Keyspace implements LeasedKeys {
  readonly sql
  readonly store: Store
  readonly lessor: Lessor
  auth: AuthStore

  constructor(changed: Changed = () => undefined, sql = openNodeSql()) {
    this.sql = sql
    this.store = new Store(this.sql, {
      txnOpsMax: 128,
      hasLease: (id) => this.lessor.has(id),
      changed,
    })
    this.lessor = new Lessor(this.sql, this.store, () => 1n)
    this.auth = this.#openAuth()
  }

  /** As when a Durable Object is evicted: memory is lost, the database stays. */
  evict(): void {
    this.auth = this.#openAuth()
  }

  leases(): readonly LeaseId[] {
    return this.lessor.leases()
  }

  leasedKeys(id: LeaseId): readonly Uint8Array[] {
    return this.store.leasedKeys(id)
  }

  /** Rows that `body` writes; index entries are not counted. */
  rowsWritten(body: () => void): number {
    this.sql.changes = 0
    body()
    return this.sql.changes
  }

  #openAuth(): AuthStore {
    return new AuthStore(this.sql, { random: randomBytes, tokenTtl: TOKEN_TTL })
  }
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

/** The user `root`, with its role. */
export function addRoot({ auth: users }: Keyspace): void {
  users.userAdd('root', new Uint8Array(0))
  users.userGrantRole({ user: 'root', role: 'root' })
}

/** Logs in without a password, which is the caller's business. */
export function login({ auth: users }: Keyspace, name: string, now = NOW): string {
  return users.assignToken({ username: name, revision: users.revision }, now)
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
