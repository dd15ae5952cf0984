import { assert } from '../mvcc/errors.ts'
import { type Sql, textOf } from '../mvcc/sql.ts'

export const DowngradeAction = { VALIDATE: 0, ENABLE: 1, CANCEL: 2 } as const

const SELECT_TARGET = 'SELECT target FROM downgrade WHERE one = 1'
const INSERT_TARGET = 'INSERT INTO downgrade (one, target) VALUES (1, ?)'
const DELETE_TARGET = 'DELETE FROM downgrade WHERE one = 1'

/** Why etcd does not go to a version. */
export type DowngradeRefusal =
  | 'wrong-downgrade-version-format'
  | 'invalid-downgrade-version'
  | 'downgrade-in-progress'

/** As Status tells of it; the target is a version such as `3.6.0`, and empty while there is none. */
export interface DowngradeInfo {
  readonly enabled: boolean
  readonly targetVersion: string
}

/**
 * Whether a downgrade of the cluster is enabled (server/etcdserver/version). In etcd the cluster
 * version goes down some seconds later, so that members of the version before can join; none ever
 * joins here, so the version stays, and all that is left of a downgrade is that it is told of.
 */
export class Downgrade {
  readonly #sql: Sql
  readonly #clusterVersion: string
  #target: string | undefined
  /** Counts what is written. */
  changes = 0

  /** `clusterVersion` is one of `MAJOR.MINOR.PATCH`. */
  constructor(sql: Sql, clusterVersion: string) {
    this.#sql = sql
    this.#clusterVersion = clusterVersion
    this.reread()
  }

  /** What is written, also by another one. */
  reread(): void {
    const row = this.#sql.first(SELECT_TARGET)
    this.#target = row && textOf(row[0])
  }

  get info(): DowngradeInfo {
    return { enabled: this.#target !== undefined, targetVersion: this.#target ?? '' }
  }

  /** Only the minor version before the cluster's is a target, and only where none is set yet. */
  refusal(version: string): DowngradeRefusal | undefined {
    const target = minorOf(version)
    const cluster = minorOf(this.#clusterVersion)
    if (target === undefined) {
      return 'wrong-downgrade-version-format'
    }
    if (target.major !== cluster?.major || target.minor !== cluster.minor - 1n) {
      return 'invalid-downgrade-version'
    }
    return this.#target === undefined ? undefined : 'downgrade-in-progress'
  }

  /** For a version that is not refused. */
  enable(version: string): void {
    const target = minorOf(version)
    assert(target !== undefined && this.refusal(version) === undefined, `${version} is refused`)
    const text = `${target.major}.${target.minor}.0`
    this.#sql.run(INSERT_TARGET, text)
    this.#target = text
    this.changes++
  }

  cancel(): void {
    if (this.#target !== undefined) {
      this.#sql.run(DELETE_TARGET)
      this.#target = undefined
      this.changes++
    }
  }
}

const INT64_MAX = 2n ** 63n - 1n
const IDENTIFIERS = String.raw`(?:[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?`
const SEMVER = new RegExp(
  String.raw`^(\d+)\.(\d+)\.(\d+)(?:-${IDENTIFIERS})?(?:\+${IDENTIFIERS})?$`,
)

/** A semantic version as etcd's parser takes it, or one without its patch; the rest is dropped. */
function minorOf(version: string): { readonly major: bigint; readonly minor: bigint } | undefined {
  const match = SEMVER.exec(version) ?? SEMVER.exec(`${version}.0`)
  const numbers = match?.slice(1, 4).map(BigInt)
  const [major, minor] = numbers ?? []
  if (major === undefined || minor === undefined || numbers?.some((part) => part > INT64_MAX)) {
    return undefined
  }
  return { major, minor }
}
