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

interface AuthState {
  readonly enabled: boolean
  readonly revision: number
  readonly users: readonly User[]
  readonly roles: readonly Role[]
}

/** The buckets in the order of their names, which is that of the file. */
export function bucketsOf(state: EtcdState): readonly Bucket[] {
  return [
    small(
      'alarm',
      state.alarms.map((alarm) => ({ key: encode(AlarmMember, alarm), value: NO_BYTES })),
    ),
    small('auth', [
      { key: utf8('authEnabled'), value: Uint8Array.of(state.auth.enabled ? 1 : 0) },
      { key: utf8('authRevision'), value: uint64(state.auth.revision) },
    ]),
    small(
      'authRoles',
      state.auth.roles.map((role) => ({ key: role.name, value: encode(Role, role) })),
    ),
    small(
      'authUsers',
      state.auth.users.map((user) => ({ key: user.name, value: encode(User, user) })),
    ),
    small('cluster', clusterEntries(state)),
    keyBucket(state.history, state.revision),
    leaseBucket(state.leases),
    small('members', state.members.map(memberEntry)),
    small('members_removed', []),
    small('meta', metaEntries(state)),
  ]
}

const NO_BYTES = new Uint8Array(0)

/** A bucket whose entries are all in memory. */
function small(name: string, entries: readonly Entry<Uint8Array>[]): Bucket {
  const parts = entries
    .toSorted((a, b) => compareBytes(a.key, b.key))
    .map(({ key, value }) => ({ key: partOf(key), value: partOf(value) }))
  return { name, entries: () => parts, sizes: () => parts }
}

function clusterEntries({
  clusterVersion,
  downgradeTarget,
}: EtcdState): readonly Entry<Uint8Array>[] {
  const version = textEntry('clusterVersion', clusterVersion)
  const downgrade = { 'target-version': downgradeTarget, 'enabled': true }
  return downgradeTarget === undefined
    ? [version]
    : [version, textEntry('downgrade', JSON.stringify(downgrade))]
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
