import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import { decode } from '../protocol/binary.ts'
import { AlarmMember, KeyValue, Lease, Role, User } from '../protocol/generated/messages.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { STORAGE_VERSION } from '../protocol/version.ts'
import { WireError } from '../protocol/wire.ts'
import { bigEndian, changeNameIn } from './change-name.ts'
import { STATE_ANEW } from './entry-batch.ts'
import type { BucketEntry } from './etcd-file.ts'
import { FileProblem } from './file-problem.ts'
import { damage } from './node-reader.ts'

/**
 * What a keyspace takes over of an entry. Members, raft's state and the like are of the cluster that
 * the file is of, and mean nothing in another one: etcd too gives them up when it restores.
 */
export type EtcdRecord =
  | { readonly kind: 'change'; readonly change: Change<Uint8Array> }
  /** What `etcdutl snapshot restore --bump-revision` leaves: a revision, and no key. */
  | { readonly kind: 'mark'; readonly revision: Revision }
  /** The history up to there is compacted: all of it, or it is to go when etcd starts. */
  | { readonly kind: 'compaction'; readonly revision: Revision; readonly finished: boolean }
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'user'; readonly name: string; readonly user: User }
  | { readonly kind: 'role'; readonly name: string; readonly role: Role }
  | { readonly kind: 'auth-enabled'; readonly enabled: boolean }
  | { readonly kind: 'auth-revision'; readonly revision: number }
  | { readonly kind: 'alarm'; readonly alarm: AlarmMember }
  /** A downgrade under way goes to that version. */
  | { readonly kind: 'downgrade'; readonly target: string }
  /** All of the kinds from `lease` on comes again. */
  | { readonly kind: 'state-anew' }
  | { readonly kind: 'other' }

/** Throws FileProblem where the entry is not as etcd writes it. */
export function recordOf(entry: BucketEntry): EtcdRecord {
  const { bucket, key, value } = entry
  switch (bucket) {
    case 'key':
      return changeOf(key, value)
    case 'lease':
      return { kind: 'lease', lease: message(Lease, value, 'a lease') }
    case 'authUsers': {
      const user = message(User, value, 'a user')
      return { kind: 'user', name: textOf(user.name), user }
    }
    case 'authRoles': {
      const role = message(Role, value, 'a role')
      return { kind: 'role', name: textOf(role.name), role }
    }
    case STATE_ANEW:
      return { kind: 'state-anew' }
    case 'alarm':
      return { kind: 'alarm', alarm: message(AlarmMember, key, 'an alarm') }
    default:
      return stateOf(bucket, textOf(key), value)
  }
}

function changeOf(key: Uint8Array, value: Uint8Array): EtcdRecord {
  const name = changeNameIn(key)
  if (value.length === 0) {
    return { kind: 'mark', revision: name.main }
  }
  const kv = message(KeyValue, value, `the value of revision ${name.main}`)
  const isWhole = name.deleted || (kv.modRevision === name.main && kv.version > 0)
  if (kv.key.length === 0 || !isWhole) {
    throw damage(`the value of revision ${name.main} is not one of that revision`)
  }
  return { kind: 'change', change: { ...name, kv } }
}

function stateOf(bucket: string, key: string, value: Uint8Array): EtcdRecord {
  switch (`${bucket}/${key}`) {
    case 'auth/authEnabled':
      return { kind: 'auth-enabled', enabled: value[0] === 1 }
    case 'auth/authRevision':
      return { kind: 'auth-revision', revision: bigEndian(value, 0) }
    case 'meta/finishedCompactRev':
      return { kind: 'compaction', revision: changeNameIn(value).main, finished: true }
    case 'meta/scheduledCompactRev':
      return { kind: 'compaction', revision: changeNameIn(value).main, finished: false }
    case 'meta/storageVersion':
      requireKnownVersion(textOf(value))
      return { kind: 'other' }
    case 'cluster/downgrade':
      return downgradeOf(textOf(value))
    default:
      return { kind: 'other' }
  }
}

/** Files of 3.4 and 3.5 have none; that of 3.6 and later ones is such as `3.6.0`. */
function requireKnownVersion(version: string): void {
  const [major, minor] = minorOf(version)
  const [ownMajor = 0, ownMinor = 0] = minorOf(STORAGE_VERSION)
  if (major === undefined || minor === undefined) {
    throw damage(`"${version}" is no storage version`)
  }
  if (major !== ownMajor || minor > ownMinor) {
    throw new FileProblem(
      `is of storage version ${version}, and no later one than ${STORAGE_VERSION} is known`,
    )
  }
}

function minorOf(version: string): readonly number[] {
  return /^(\d+)\.(\d+)\./.exec(version)?.slice(1).map(Number) ?? []
}

function downgradeOf(json: string): EtcdRecord {
  const [, target] = /"target-version":"([^"]+)"/.exec(json) ?? []
  return target !== undefined && json.includes('"enabled":true')
    ? { kind: 'downgrade', target }
    : { kind: 'other' }
}

function message<T extends object>(type: MessageType<T>, bytes: Uint8Array, what: string): T {
  try {
    return decode(type, bytes)
  } catch (error) {
    throw error instanceof WireError ? damage(`${what} is unreadable`) : error
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw error instanceof TypeError ? damage('a name is not UTF-8') : error
  }
}
