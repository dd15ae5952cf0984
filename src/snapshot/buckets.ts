/** What etcd keeps in its file, bucket by bucket (server/storage/schema). */
import { compareBytes } from '../mvcc/key-range.ts'
import { revisionBytes } from '../mvcc/revision-bytes.ts'
import type { Revision } from '../mvcc/types.ts'
import { encode } from '../protocol/binary.ts'
import { AlarmMember, type Member, Role, User } from '../protocol/generated/messages.ts'
import type { Bucket } from './file.ts'
import { type History, keyBucket } from './key-bucket.ts'
import { type GrantedLease, leaseBucket } from './lease-bucket.ts'
import { partOf } from './page.ts'
import type { Entry } from './tree.ts'
import { uint64 } from './uint64.ts'

const encoder = new TextEncoder()
const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** The state of a keyspace at one moment, of which only the history is read later. */
export interface EtcdState {
  readonly history: History
  readonly revision: Revision
  readonly compaction: CompactionState
  readonly members: readonly Member[]
  readonly raft: { readonly index: number; readonly term: number }
  /** Such as `3.7.0`. */
  readonly storageVersion: string
  readonly clusterVersion: string
  /** The version that a downgrade under way goes to. */
  readonly downgradeTarget: string | undefined
  readonly leases: readonly GrantedLease[]
  readonly alarms: readonly AlarmMember[]
  readonly auth: AuthState
}

interface CompactionState {
  /** −1 if there was none. */
  readonly revision: Revision
  /** Some of what it superseded is still there. */
  readonly pending: boolean
}

export interface AuthState {
  readonly enabled: boolean
  readonly revision: number
  readonly users: readonly User[]
  readonly roles: readonly Role[]
}

/** The buckets in the order of their names, which is that of the file. */
export function bucketsOf(state: EtcdState): readonly Bucket[] {
  return [
    small(alarmBucket(state.alarms)),
    ...authBuckets(state.auth).map(small),
    small(clusterBucket(state)),
    keyBucket(state.history, state.revision),
    leaseBucket(state.leases),
    small({ name: 'members', entries: state.members.map(memberEntry) }),
    small({ name: 'members_removed', entries: [] }),
    small({ name: 'meta', entries: metaEntries(state) }),
  ]
}

const NO_BYTES = new Uint8Array(0)

/** A bucket whose entries are all in memory, in any order. */
export interface SmallBucket {
  readonly name: string
  readonly entries: readonly Entry<Uint8Array>[]
}

export function alarmBucket(alarms: readonly AlarmMember[]): SmallBucket {
  const entries = alarms.map((alarm) => ({ key: encode(AlarmMember, alarm), value: NO_BYTES }))
  return { name: 'alarm', entries }
}

/** Users, roles, and whether auth is on. */
export function authBuckets(auth: AuthState): readonly SmallBucket[] {
  const state = [
    { key: utf8('authEnabled'), value: Uint8Array.of(auth.enabled ? 1 : 0) },
    { key: utf8('authRevision'), value: uint64(auth.revision) },
  ]
  const roles = auth.roles.map((role) => ({ key: role.name, value: encode(Role, role) }))
  const users = auth.users.map((user) => ({ key: user.name, value: encode(User, user) }))
  return [
    { name: 'auth', entries: state },
    { name: 'authRoles', entries: roles },
    { name: 'authUsers', entries: users },
  ]
}

function small({ name, entries }: SmallBucket): Bucket {
  const parts = entries
    .toSorted((a, b) => compareBytes(a.key, b.key))
    .map(({ key, value }) => ({ key: partOf(key), value: partOf(value) }))
  return { name, entries: () => parts, sizes: () => parts }
}

/** The version, and a downgrade under way. */
export function clusterBucket({
  clusterVersion,
  downgradeTarget,
}: Pick<EtcdState, 'clusterVersion' | 'downgradeTarget'>): SmallBucket {
  const version = textEntry('clusterVersion', clusterVersion)
  const downgrade = { 'target-version': downgradeTarget, 'enabled': true }
  const entries =
    downgradeTarget === undefined
      ? [version]
      : [version, textEntry('downgrade', JSON.stringify(downgrade))]
  return { name: 'cluster', entries }
}

/**
 * A compaction that is not done yet is scheduled and not finished: etcd then does the rest of it when
 * it starts on the file.
 */
function metaEntries(state: EtcdState): readonly Entry<Uint8Array>[] {
  const { compaction, members, raft } = state
  const ids = (learner: boolean): readonly bigint[] =>
    members.filter(({ isLearner }) => isLearner === learner).map(({ ID }) => ID)
  const learners = ids(true)
  const confState = [
    `"voters":[${ids(false).join(',')}]`,
    ...(learners.length > 0 ? [`"learners":[${learners.join(',')}]`] : []),
    '"auto_leave":false',
  ]
  const compacted = ['scheduledCompactRev', ...(compaction.pending ? [] : ['finishedCompactRev'])]
  return [
    textEntry('confState', `{${confState.join(',')}}`),
    { key: utf8('consistent_index'), value: uint64(raft.index) },
    { key: utf8('term'), value: uint64(raft.term) },
    textEntry('storageVersion', state.storageVersion),
    ...(compaction.revision < 0 ? [] : compacted).map((name) => ({
      key: utf8(name),
      value: revisionBytes({ main: compaction.revision, sub: 0, deleted: false }),
    })),
  ]
}

/** JSON by hand, because an id has more digits than a number of JavaScript. */
function memberEntry({ ID, peerURLs, name, clientURLs, isLearner }: Member): Entry<Uint8Array> {
  const fields = [
    `"id":${ID}`,
    `"peerURLs":${JSON.stringify(peerURLs)}`,
    ...(isLearner ? ['"isLearner":true'] : []),
    ...(name === '' ? [] : [`"name":${JSON.stringify(name)}`]),
    ...(clientURLs.length === 0 ? [] : [`"clientURLs":${JSON.stringify(clientURLs)}`]),
  ]
  return textEntry(ID.toString(16), `{${fields.join(',')}}`)
}

function textEntry(key: string, value: string): Entry<Uint8Array> {
  return { key: utf8(key), value: utf8(value) }
}
