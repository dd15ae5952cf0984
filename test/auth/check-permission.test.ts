import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPermission } from '../../src/auth/check-permission.ts'
import { compareBytes } from '../../src/mvcc/key-range.ts'
import type { KeyRange } from '../../src/mvcc/types.ts'
import {
  DeleteRangeRequest,
  type Permission,
  RangeRequest,
} from '../../src/protocol/generated/messages.ts'
import { runs } from '../runs.ts'
import { addRoot, Keyspace } from './keyspace.ts'
import { type Kind, PermissionModel } from './permission-model.ts'

const users = ['alice', 'bob']
const roles = ['r1', 'r2', 'r3']

/** Few and close, so that ranges touch, overlap and leave the smallest of gaps. */
const key = fc
  .array(fc.constantFrom(0, 1, 97, 98, 255), { minLength: 1, maxLength: 2 })
  .map((bytes) => Uint8Array.from(bytes))
const rangeEnd = fc.oneof(fc.constant(new Uint8Array(0)), fc.constant(new Uint8Array(1)), key)
const range = fc.record({ key, rangeEnd })
const user = fc.constantFrom(...users)
const role = fc.constantFrom(...roles)
const permission = fc.record({ permType: fc.constantFrom(0, 1, 2), key, rangeEnd }).filter(isRange)

type Step =
  | { readonly kind: 'grant'; readonly role: string; readonly permission: Permission }
  | { readonly kind: 'revoke'; readonly role: string; readonly range: KeyRange }
  | { readonly kind: 'delete'; readonly role: string }
  | { readonly kind: 'give' | 'take'; readonly user: string; readonly role: string }
  | { readonly kind: Kind; readonly user: string; readonly range: KeyRange }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('grant'), role, permission }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke'), role, range: permission }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), role }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('give'), user, role }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take'), user, role }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('read', 'write'), user, range }) },
)

describe('the permission check', () => {
  it('[AUT5] permits what the naive model permits, after each change at once', () => {
    const seen = { permitted: 0, denied: 0 }
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const pair = new Pair()
        for (const each of steps) {
          const permitted = pair.take(each)
          seen.permitted += permitted === true ? 1 : 0
          seen.denied += permitted === false ? 1 : 0
        }
      }),
      { numRuns: runs(300) },
    )
    expect(Math.min(seen.permitted, seen.denied)).toBeGreaterThan(runs(300))
  })
})

/** The engine and the model, taking the same steps. */
class Pair {
  readonly #keyspace = new Keyspace()
  readonly #model = new PermissionModel()

  constructor() {
    addRoot(this.#keyspace)
    const { auth } = this.#keyspace
    for (const name of users) {
      auth.userAdd(name, undefined)
    }
    for (const name of roles) {
      this.#addRole(name)
    }
    auth.enable()
  }

  /** Whether a request was permitted; undefined for another step. */
  take(taken: Step): boolean | undefined {
    const { auth } = this.#keyspace
    switch (taken.kind) {
      case 'grant':
        auth.roleGrantPermission({ name: taken.role, perm: taken.permission })
        this.#model.grant(taken.role, taken.permission)
        return undefined
      case 'revoke':
        this.#bothIfAllowed(
          () => auth.roleRevokePermission({ role: taken.role, ...taken.range }),
          () => this.#model.revoke(taken.role, taken.range),
        )
        return undefined
      case 'delete':
        auth.roleDelete(taken.role)
        this.#model.deleteRole(taken.role)
        this.#addRole(taken.role)
        return undefined
      case 'give':
        auth.userGrantRole(taken)
        this.#model.grantRole(taken.user, taken.role)
        return undefined
      case 'take':
        this.#bothIfAllowed(
          () => auth.userRevokeRole({ name: taken.user, role: taken.role }),
          () => this.#model.revokeRole(taken.user, taken.role),
        )
        return undefined
      case 'read':
      case 'write':
        return this.#check(taken.kind, taken.user, taken.range)
    }
  }

  #addRole(name: string): void {
    this.#keyspace.auth.roleAdd(name)
    this.#model.addRole(name)
  }

  #bothIfAllowed(engine: () => void, model: () => void): void {
    try {
      engine()
    } catch (error) {
      assert.match(String(error), /permission-not-granted|role-not-granted/)
      return
    }
    model()
  }

  #check(kind: Kind, username: string, asked: KeyRange): boolean {
    const { auth } = this.#keyspace
    const visit = { auth, who: { username, revision: auth.revision }, leases: this.#keyspace }
    const [method, request] =
      kind === 'read'
        ? (['/etcdserverpb.KV/Range', { ...RangeRequest.empty(), ...asked }] as const)
        : (['/etcdserverpb.KV/DeleteRange', { ...DeleteRangeRequest.empty(), ...asked }] as const)
    const permitted = this.#model.permits(username, kind, asked)
    const check = (): void => checkPermission(visit, method, request)
    if (permitted) {
      check()
    } else {
      assert.throws(check, /permission-denied/)
    }
    return permitted
  }
}

/** Not one that may not be granted: the end is behind the key, none, or open. */
function isRange({ key: start, rangeEnd: end }: KeyRange): boolean {
  return end.length === 0 || compareBytes(start, end) < 0 || (end.length === 1 && end[0] === 0)
}
