import { status as Code } from '@grpc/grpc-js'
import type { AlarmMember } from '../../protocol/generated/messages.ts'
import { Failure } from '../failure.ts'
import { LONG_CALL_MS_MAX, type SourceClient, SourceFailure } from './source-client.ts'
import { SourceLeases } from './source-leases.ts'

const GET = 0
const ACTIVATE = 1
const DEACTIVATE = 2
/**
 * While this alarm stands etcd refuses each put, deletion, compaction, grant and revocation (apply/corrupt.go),
 * and answers reads. NOSPACE lets deletions pass, and leases expire.
 */
const CORRUPT = 2

/**
 * The member by whose name a migration raises its alarm, which is no member of any etcd: "migrate" in ASCII. So
 * an alarm that the source has raised itself is another one.
 */
const MARK = 0x6d69_6772_6174_6500n

/** A key that nobody has, to ask for revisions by. */
const NO_KEY = Uint8Array.of(0)

export interface AuthState {
  readonly enabled: boolean
  readonly revision: number
}

export interface SourceHash {
  readonly hash: number
  readonly compactRevision: number
}

/** What a migration asks an etcd, besides its history. Everything throws SourceFailure. */
export class Source {
  readonly client: SourceClient
  readonly leases: SourceLeases

  constructor(client: SourceClient) {
    this.client = client
    this.leases = new SourceLeases(client)
  }

  /** The id of the cluster. Throws Failure where it is of a version that is not moved. */
  async cluster(): Promise<bigint> {
    const { header, version } = await this.client.call('/etcdserverpb.Maintenance/Status')
    const [major = 0, minor = 0] = version.split('.').map(Number)
    if (major !== 3 || minor < 4) {
      throw new Failure(`${this.client.shown} is of version ${version}, and 3.4 is the first moved`)
    }
    return header?.clusterId ?? 0n
  }

  /** The current one, by quorum. */
  async revision(): Promise<number> {
    const asked = { key: NO_KEY, countOnly: true }
    return (await this.client.call('/etcdserverpb.KV/Range', asked)).header?.revision ?? 0
  }

  /** Undefined where it cannot tell: etcd 3.4. */
  async auth(): Promise<AuthState | undefined> {
    try {
      const told = await this.client.call('/etcdserverpb.Auth/AuthStatus')
      return { enabled: told.enabled, revision: told.authRevision }
    } catch (error) {
      if (error instanceof SourceFailure && error.code === Code.UNIMPLEMENTED) {
        return undefined
      }
      throw error
    }
  }

  async hasUsers(): Promise<boolean> {
    const { users } = await this.client.call('/etcdserverpb.Auth/UserList')
    const { roles } = await this.client.call('/etcdserverpb.Auth/RoleList')
    return users.length + roles.length > 0
  }

  /** Those that it has raised itself. */
  async alarms(): Promise<readonly AlarmMember[]> {
    const { alarms } = await this.client.call('/etcdserverpb.Maintenance/Alarm', { action: GET })
    return alarms.filter(({ memberID }) => memberID !== MARK)
  }

  /** From then on its revision stands still, until `takeWrites`. Doing it twice is doing it once. */
  async refuseWrites(): Promise<void> {
    await this.#alarm(ACTIVATE)
  }

  async takeWrites(): Promise<void> {
    await this.#alarm(DEACTIVATE)
  }

  async #alarm(action: number): Promise<void> {
    const asked = { action, memberID: MARK, alarm: CORRUPT }
    await this.client.call('/etcdserverpb.Maintenance/Alarm', asked)
  }

  /**
   * Up to where the history is compacted, which etcd says nowhere: reads below are refused. It lies between
   * what it was and `latest`.
   */
  async compactRevision(was: number, latest: number): Promise<number> {
    if (was < 1 ? await this.#canRead(1) : await this.#canRead(was)) {
      return was
    }
    let [refused, taken] = [Math.max(was, 1), latest]
    while (taken - refused > 1) {
      const middle = Math.floor((refused + taken) / 2)
      if (await this.#canRead(middle)) {
        taken = middle
      } else {
        refused = middle
      }
    }
    return taken
  }

  async #canRead(revision: number): Promise<boolean> {
    try {
      const asked = { key: NO_KEY, countOnly: true, revision }
      await this.client.call('/etcdserverpb.KV/Range', asked)
      return true
    } catch (error) {
      if (error instanceof SourceFailure && /has been compacted/.test(error.message)) {
        return false
      }
      throw error
    }
  }

  async hashKv(revision: number): Promise<SourceHash> {
    const method = '/etcdserverpb.Maintenance/HashKV'
    return this.client.call(method, { revision }, LONG_CALL_MS_MAX)
  }
}
