import { AuthStore } from '../../../src/auth/auth-store.ts'
import { checkPermission } from '../../../src/auth/check-permission.ts'
import type { Sql } from '../../../src/mvcc/sql.ts'
import { RangeRequest } from '../../../src/protocol/generated/messages.ts'
import { type PermissionJob, rangeAt } from '../permission-job.ts'

const encoder = new TextEncoder()
const USER = 'user'
const options = {
  random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  tokenTtl: 300_000,
}

/** One user of many roles, over the storage of a keyspace. */
export class PermissionBench {
  readonly #sql: Sql
  #auth: AuthStore

  constructor(sql: Sql) {
    this.#sql = sql
    this.#auth = new AuthStore(sql, options)
  }

  /** The number of deeds done. */
  run(job: PermissionJob): number {
    switch (job.do) {
      case 'permit':
        return this.#permit(job)
      case 'check':
        return this.#check(job)
      case 'change':
        return this.#change(job)
      case 'reopen':
        return this.#reopen(job)
    }
  }

  #permit({ roles, rangesPerRole }: PermissionJob): number {
    const auth = this.#auth
    auth.userAdd('root', undefined)
    auth.userGrantRole({ user: 'root', role: 'root' })
    auth.userAdd(USER, undefined)
    for (let role = 0; role < roles; role++) {
      const name = `role${role}`
      auth.roleAdd(name)
      // The ranges of a role are far from each other.
      for (let i = 0; i < rangesPerRole; i++) {
        auth.roleGrantPermission({ name, perm: permission(i * roles + role) })
      }
      auth.userGrantRole({ user: USER, role: name })
    }
    auth.enable()
    return 1
  }

  #check({ roles, rangesPerRole, times }: PermissionJob): number {
    for (let i = 0; i < times; i++) {
      const { key, rangeEnd } = permission((i * 7919) % (roles * rangesPerRole))
      this.#ask({ ...RangeRequest.empty(), key, rangeEnd })
    }
    return times
  }

  /** A role is permitted more, or less again, and then the user asks for something else. */
  #change({ roles, rangesPerRole, times }: PermissionJob): number {
    const perm = permission(roles * rangesPerRole)
    for (let i = 0; i < times; i++) {
      if (i % 2 === 0) {
        this.#auth.roleGrantPermission({ name: 'role0', perm })
      } else {
        this.#auth.roleRevokePermission({ role: 'role0', ...perm })
      }
      this.#ask({ ...RangeRequest.empty(), ...permission(i) })
    }
    return times
  }

  /** As after an eviction: memory knows nothing. */
  #reopen({ times }: PermissionJob): number {
    for (let i = 0; i < times; i++) {
      this.#auth = new AuthStore(this.#sql, options)
      this.#ask({ ...RangeRequest.empty(), ...permission(i) })
    }
    return times
  }

  #ask(request: RangeRequest): void {
    const auth = this.#auth
    const who = { username: USER, revision: auth.revision }
    const leases = { leases: () => [], leasedKeys: () => [] }
    checkPermission({ auth, who, leases }, '/etcdserverpb.KV/Range', request)
  }
}

function permission(index: number) {
  const { key, rangeEnd } = rangeAt(index)
  return { permType: 0, key: encoder.encode(key), rangeEnd: encoder.encode(rangeEnd) }
}
