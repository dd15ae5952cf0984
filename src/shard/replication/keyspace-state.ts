import { bytesToHex } from '@noble/hashes/utils'
import type { ArchivedOptions, ArchivedState, LeaseChange } from '../../archive/state.ts'
import type { BucketEntry } from '../../etcd-file/etcd-file.ts'
import { crc32c } from '../../mvcc/crc32c.ts'
import { CLUSTER_VERSION } from '../../protocol/version.ts'
import {
  alarmBucket,
  authBuckets,
  clusterBucket,
  type SmallBucket,
} from '../../snapshot/buckets.ts'
import { FIRST_INDEX } from '../../v2/event-history.ts'
import { authStateOf } from '../auth-state.ts'
import type { Keyspace } from '../keyspace.ts'
import type { LeaseJournal } from './lease-journal.ts'
import { ALL, indexIn, type Marks } from './marks.ts'
import { LOST, type V2Journal } from './v2-journal.ts'

/** What a segment or a full has of the state, and how to put back what was taken for it. */
export interface CapturedState {
  readonly state: ArchivedState
  /** What `KeyspaceState.marks` answered at that moment, and `version`. */
  readonly marks: string
  readonly version: number
  /** Nobody knows any more what the v2 store was when `sent` was: a full is to begin anew. */
  readonly isLost: boolean
  /** To be called where it could not be sent. */
  readonly putBack: () => void
}

/** What a keyspace has beside its history: whether it has changed, and what is to be sent of it. */
export class KeyspaceState {
  readonly #keyspace: Keyspace
  readonly #journal: LeaseJournal
  readonly #options: ArchivedOptions
  readonly #v2: V2Journal | undefined

  /** Without a journal of the v2 store nothing of that is captured. */
  constructor(keyspace: Keyspace, journal: LeaseJournal, options: ArchivedOptions, v2?: V2Journal) {
    this.#keyspace = keyspace
    this.#journal = journal
    this.#options = options
    this.#v2 = v2
  }

  /** Another number after each change. It is asked for at the end of each turn. */
  get version(): number {
    const { auth, alarms, members, downgrade, accessTokens, store, v2, v2Setting } = this.#keyspace
    // To enable auth takes no revision of it, to disable it takes one.
    return (
      (auth.enabled ? auth.revision + 0.5 : auth.revision) +
      alarms.changes +
      members.changes +
      downgrade.changes +
      accessTokens.changes +
      store.compactRevision +
      v2.index +
      v2Setting.changes +
      this.#journal.changes
    )
  }

  /** Whether nothing was ever written. */
  get isNew(): boolean {
    const { store, auth, accessTokens, lessor, members, alarms, downgrade, v2 } = this.#keyspace
    return (
      v2.index === FIRST_INDEX &&
      store.revision === 1 &&
      store.compactRevision < 0 &&
      auth.revision === 1 &&
      !auth.enabled &&
      !downgrade.info.enabled &&
      accessTokens.list().length === 0 &&
      lessor.leases().length === 0 &&
      members.list().length === 1 &&
      alarms.stored().length === 0
    )
  }

  /** A text that differs from an earlier one where the state does. */
  get marks(): string {
    return JSON.stringify(this.#marks())
  }

  /**
   * What differs from what `sent` tells of: all of it where that is `ALL`, but for the v2 store, which may be large. The
   * journals begin anew. Where that of leases does not reach back to `sent`, or all is asked for, it is the leases that
   * live.
   */
  capture(sent: string): CapturedState {
    const known: Partial<Marks> = sent === ALL ? {} : (JSON.parse(sent) as Marks)
    const marks = this.#marks()
    const differs = (name: keyof Marks): boolean => known[name] !== marks[name]
    const taken = this.#journal.take()
    const isWhole = known.leases !== undefined && taken !== undefined
    const journal = isWhole ? taken : this.#leases()
    const v2 = this.#v2?.take(sent === ALL ? marks.v2 : indexIn(sent))
    const state: ArchivedState = {
      ...((!isWhole || journal.length > 0) && { leases: { complete: !isWhole, journal } }),
      ...(differs('auth') && { auth: entriesOf(authBuckets(authStateOf(this.#keyspace.auth))) }),
      ...(differs('maintenance') && { maintenance: entriesOf(this.#maintenance()) }),
      ...(differs('tokens') && { tokens: this.#tokens() }),
      ...(differs('options') && { options: this.#optionsNow() }),
      ...(differs('members') && { members: this.#members() }),
      ...(v2 !== undefined && v2 !== LOST && { v2 }),
    }
    const putBack = (): void => {
      this.#journal.putBack(isWhole ? taken : undefined)
      if (state.v2 !== undefined) {
        this.#v2?.putBack(state.v2)
      }
    }
    const isLost = v2 === LOST
    return { state, marks: JSON.stringify(marks), version: this.version, isLost, putBack }
  }

  #marks(): Marks {
    const { auth, store, accessTokens, downgrade, alarms, v2 } = this.#keyspace
    return {
      leases: this.#journal.mark,
      auth: `${auth.revision}/${auth.enabled}`,
      maintenance: sumOf([
        ...alarms.stored().map(({ memberID, alarm }) => `${memberID}/${alarm}`),
        downgrade.info.targetVersion,
      ]),
      tokens: sumOf(accessTokens.list().map(({ id }) => id)),
      options: sumOf(this.#optionsNow()),
      members: sumOf(this.#members()),
      compaction: store.compactRevision,
      v2: v2.index,
    }
  }

  /** As it was made, but for what may change. */
  #optionsNow(): ArchivedOptions {
    return { ...this.#options, enableV2: this.#keyspace.v2Setting.own }
  }

  #leases(): readonly LeaseChange[] {
    const { lessor, store } = this.#keyspace
    return lessor.granted().map(({ ID, TTL }) => [store.revision, ID.toString(), TTL])
  }

  #maintenance(): readonly SmallBucket[] {
    const { alarms, downgrade } = this.#keyspace
    const { enabled, targetVersion } = downgrade.info
    const downgradeTarget = enabled ? targetVersion : undefined
    return [
      alarmBucket(alarms.stored()),
      clusterBucket({ clusterVersion: CLUSTER_VERSION, downgradeTarget }),
    ]
  }

  #tokens(): NonNullable<ArchivedState['tokens']> {
    return this.#keyspace.accessTokens.stored().map(({ token, hash }) => ({
      id: token.id,
      hash: bytesToHex(hash),
      access: token.access,
      commonNames: token.commonNames,
      description: token.description,
      created: token.created,
      expires: token.expires ?? null,
    }))
  }

  #members(): NonNullable<ArchivedState['members']> {
    const { members, identity } = this.#keyspace
    return members.list().map(({ id, peerURLs, isLearner }) => ({
      id: id.toString(),
      peerUrls: peerURLs,
      learner: isLearner,
      ...(id === identity.memberId && { own: true }),
    }))
  }
}

function entriesOf(buckets: readonly SmallBucket[]): readonly BucketEntry[] {
  return buckets.flatMap(({ name, entries }) =>
    entries.map((entry) => ({ ...entry, bucket: name })),
  )
}

function sumOf(value: unknown): number {
  return crc32c(utf8.encode(JSON.stringify(value)))
}

const utf8 = new TextEncoder()
