/**
 * The Cluster service, and of Maintenance what speaks of the cluster (api/v3rpc/member.go and
 * maintenance.go).
 */
import type { Settings } from '../config/settings.ts'
import type { Downgrade } from '../maintenance/downgrade.ts'
import { DowngradeAction } from '../maintenance/downgrade.ts'
import type {
  DowngradeRequest,
  DowngradeResponse,
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
  MoveLeaderRequest,
  ResponseHeader,
} from '../protocol/generated/messages.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { CLUSTER_VERSION } from '../protocol/version.ts'
import type { MemberList, RaftMember } from './members.ts'

/** A replica of the keyspace, which etcd would call a learner. */
export interface Learner {
  readonly id: bigint
  readonly name: string
  /** Behind a client URL of this member, that is where it serves. */
  readonly path: string
}

/** What the service needs of its keyspace. */
export interface ClusterHost {
  readonly members: MemberList
  readonly learners?: readonly Learner[]
  readonly downgrade: Downgrade
  readonly identity: { readonly memberId: bigint }
  readonly settings: Pick<Settings, 'name' | 'advertiseClientUrls'>
  header(): ResponseHeader
}

/** Where the client reached us: this member's client URL when none is configured. */
type Origin = string | undefined

export function memberAdd(
  host: ClusterHost,
  { peerURLs, isLearner }: MemberAddRequest,
  origin: Origin,
): MemberAddResponse {
  const member = notStarted(host.members.add(peerURLs, isLearner))
  return { ...memberList(host, origin), member }
}

export function memberRemove(
  host: ClusterHost,
  { ID }: MemberRemoveRequest,
  origin: Origin,
): MemberRemoveResponse {
  host.members.remove(ID)
  return memberList(host, origin)
}

export function memberUpdate(
  host: ClusterHost,
  { ID, peerURLs }: MemberUpdateRequest,
  origin: Origin,
): MemberUpdateResponse {
  host.members.update(ID, peerURLs)
  return memberList(host, origin)
}

export function memberPromote(
  host: ClusterHost,
  { ID }: MemberPromoteRequest,
): MemberPromoteResponse {
  host.members.promote(ID)
  return memberList(host, undefined)
}

/** Answers of this service carry no revision. */
export function memberList(host: ClusterHost, origin: Origin): MemberListResponse {
  const { name, advertiseClientUrls } = host.settings
  const reached = origin === undefined ? [] : [origin]
  const clientURLs = advertiseClientUrls.length > 0 ? advertiseClientUrls : reached
  const members = host.members.list().map((member): Member => {
    const own = member.id === host.identity.memberId ? { name, clientURLs } : undefined
    return { ...notStarted(member), ...(member.attributes ?? own) }
  })
  const learners = (host.learners ?? []).map((learner): Member => ({
    ID: learner.id,
    name: learner.name,
    peerURLs: [],
    clientURLs: clientURLs.map((url) => `${url.replace(/\/$/, '')}${learner.path}`),
    isLearner: true,
  }))
  return {
    header: { ...host.header(), revision: 0 },
    members: [...members, ...learners].toSorted((a, b) => (a.ID < b.ID ? -1 : 1)),
  }
}

function notStarted({ id: ID, peerURLs, isLearner }: RaftMember): Member {
  return { ID, name: '', peerURLs, clientURLs: [], isLearner }
}

/**
 * Whom the keyspace is to move to; undefined where it is there. `asked` is the member that the client has
 * asked. One member alone leads, and nobody else can.
 */
export function transferee(
  { identity, members }: ClusterHost,
  { targetID }: MoveLeaderRequest,
  asked: bigint | undefined,
): bigint | undefined {
  if (asked !== undefined && asked !== identity.memberId) {
    throw statusOf('not-leader')
  }
  if (targetID === identity.memberId) {
    return undefined
  }
  const target = members.list().find(({ id }) => id === targetID)
  // One that has started has told where it is reached.
  if (target === undefined || target.isLearner || !target.attributes?.clientURLs.length) {
    throw statusOf('bad-leader-transferee')
  }
  return targetID
}

/** A CANCEL without a downgrade under way succeeds too (server/etcdserver/v3_server.go). */
export function downgrade(
  host: ClusterHost,
  { action, version }: DowngradeRequest,
): DowngradeResponse {
  switch (action) {
    case DowngradeAction.VALIDATE:
      requireValid(host, version)
      break
    case DowngradeAction.ENABLE:
      requireValid(host, version)
      host.downgrade.enable(version)
      break
    case DowngradeAction.CANCEL:
      host.downgrade.cancel()
      break
    default:
      throw new RpcStatus(Code.UNKNOWN, 'etcdserver: unknown method')
  }
  const [major, minor] = CLUSTER_VERSION.split('.')
  return { header: host.header(), version: `${major}.${minor}` }
}

function requireValid(host: ClusterHost, version: string): void {
  const refusal = host.downgrade.refusal(version)
  if (refusal !== undefined) {
    throw statusOf(refusal)
  }
}
