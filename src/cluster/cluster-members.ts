import type { ClusterNode, ClusterSettings } from '../config/cluster.ts'
import { assert } from '../mvcc/errors.ts'
import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import { statusOf } from '../protocol/status.ts'
import type { MemberList, RaftMember } from './members.ts'
import { parsedPeerUrls, quorum } from './members.ts'

const SELECT_MEMBERS =
  'SELECT id, name, peer_urls, client_urls, learner, removed FROM cluster_member'
const UPSERT_MEMBER = `
INSERT INTO cluster_member (id, name, peer_urls, client_urls, learner, removed) VALUES (?, ?, ?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, peer_urls = excluded.peer_urls,
  client_urls = excluded.client_urls, learner = excluded.learner, removed = 0`
const REMOVE_MEMBER = 'UPDATE cluster_member SET removed = 1 WHERE id = ?'

/** A member with what its node has told of itself. */
interface NodeMember extends RaftMember {
  readonly name: string
  readonly clientURLs: readonly string[]
}

export interface ClusterMembersOptions {
  readonly cluster: ClusterSettings
  /** Gives the ids of members that are added, which etcd hashes from the time. */
  readonly random: () => bigint
  readonly maxLearners: number
  /** The node of that member has to end. */
  readonly removed: (id: bigint) => void
}

/**
 * The members of a cluster of several nodes, one of which leads: it holds the keyspace. Those that
 * `--initial-cluster` names are written down when the keyspace first comes into memory; from then on the list
 * is what the calls of the Cluster service have made of it, checked as etcd checks them
 * (api/membership/cluster.go). A node is a member by its peer URLs or, after `member update`, by its id.
 */
export class ClusterMembers implements MemberList {
  readonly #sql: Sql
  readonly #options: ClusterMembersOptions
  readonly #members = new Map<bigint, NodeMember>()
  readonly #removed = new Set<bigint>()
  readonly #byUrls = new Map<string, bigint>()
  changes = 0

  constructor(sql: Sql, options: ClusterMembersOptions) {
    this.#sql = sql
    this.#options = options
    for (const [id, name, peerUrls, clientUrls, learner, removed] of sql.all(SELECT_MEMBERS)) {
      const member = { id: BigInt(textOf(id)), name: textOf(name) }
      if (numberOf(removed) === 1) {
        this.#removed.add(member.id)
      } else {
        this.#know({
          ...member,
          peerURLs: urlsOf(textOf(peerUrls)),
          clientURLs: urlsOf(textOf(clientUrls)),
          isLearner: numberOf(learner) === 1,
        })
      }
    }
    if (this.#members.size + this.#removed.size === 0) {
      for (const { id, name, peerUrls } of options.cluster.members) {
        const member = { id: BigInt(id), name, peerURLs: peerUrls, clientURLs: [] }
        this.#save({ ...member, isLearner: false })
      }
    }
  }

  list(): readonly RaftMember[] {
    return [...this.#members.values()]
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ name, clientURLs, ...member }) => ({ ...member, attributes: { name, clientURLs } }))
  }

  isVoter(id: bigint): boolean {
    return this.#members.get(id)?.isLearner === false
  }

  /** Which member a node is; undefined for none. */
  idOf(node: ClusterNode): bigint | undefined {
    const id = this.#byUrls.get(keyOf(node.peerUrls)) ?? BigInt(node.id)
    return this.#members.has(id) ? id : undefined
  }

  /** A node comes, and tells of itself. Throws where it is no member, or none any more. */
  join(node: ClusterNode): bigint {
    const id = this.idOf(node)
    const member = id === undefined ? undefined : this.#members.get(id)
    if (member === undefined) {
      throw statusOf(this.#removed.has(BigInt(node.id)) ? 'member-removed' : 'member-unknown')
    }
    const { name, clientUrls } = node
    if (member.name !== name || keyOf(member.clientURLs) !== keyOf(clientUrls)) {
      this.#save({ ...member, name, clientURLs: clientUrls })
    }
    return member.id
  }

  add(urls: readonly string[], isLearner: boolean): RaftMember {
    const peerURLs = parsedPeerUrls(urls).toSorted()
    this.#requireFree(peerURLs)
    const voters = this.#voters()
    const started = voters.filter(({ name }) => name !== '').length
    if (!isLearner && started < quorum(voters.length + 1) && voters.length > 1) {
      throw statusOf('member-not-enough-started')
    }
    if (isLearner && this.#members.size - voters.length >= this.#options.maxLearners) {
      throw statusOf('too-many-learners')
    }
    const member = { id: this.#freeId(), name: '', peerURLs, clientURLs: [], isLearner }
    this.#save(member)
    return member
  }

  /** What is left needs a started majority, as etcd would. */
  remove(id: bigint): void {
    const member = this.#members.get(id)
    if (member === undefined) {
      throw statusOf('member-not-found')
    }
    const others = this.#voters().filter((voter) => voter.id !== id)
    const started = others.filter(({ name }) => name !== '').length
    if (!member.isLearner && started < quorum(others.length)) {
      throw statusOf('member-not-enough-started')
    }
    this.#sql.run(REMOVE_MEMBER, String(id))
    // While its node is still known by it.
    this.#options.removed(id)
    this.#forget(member)
    this.#removed.add(id)
    this.changes++
  }

  update(id: bigint, urls: readonly string[]): void {
    const member = this.#members.get(id)
    if (member === undefined) {
      throw statusOf('member-not-found')
    }
    const peerURLs = parsedPeerUrls(urls).toSorted()
    this.#requireFree(peerURLs, id)
    this.#save({ ...member, peerURLs })
  }

  /** A learner that has started has all that there is: the data is the bucket's. */
  promote(id: bigint): void {
    const member = this.#members.get(id)
    if (member === undefined) {
      throw statusOf('member-not-found')
    }
    if (!member.isLearner) {
      throw statusOf('member-not-learner')
    }
    if (member.name === '') {
      throw statusOf('learner-not-ready')
    }
    this.#save({ ...member, isLearner: false })
  }

  #voters(): readonly NodeMember[] {
    return [...this.#members.values()].filter(({ isLearner }) => !isLearner)
  }

  /** A member may keep what are its own. */
  #requireFree(urls: readonly string[], id?: bigint): void {
    const others = [...this.#members.values()].filter((member) => member.id !== id)
    const taken = new Set(others.flatMap(({ peerURLs }) => peerURLs))
    if (urls.some((url) => taken.has(url))) {
      throw statusOf('peer-url-exists')
    }
  }

  #freeId(): bigint {
    for (;;) {
      const id = this.#options.random()
      assert(id > 0n && id < 1n << 64n, `${id} is no member id`)
      if (!this.#members.has(id) && !this.#removed.has(id)) {
        return id
      }
    }
  }

  #save(member: NodeMember): void {
    const { id, name, peerURLs, clientURLs, isLearner } = member
    const urls = [JSON.stringify(peerURLs), JSON.stringify(clientURLs)] as const
    this.#sql.run(UPSERT_MEMBER, String(id), name, ...urls, isLearner ? 1 : 0)
    const before = this.#members.get(id)
    if (before !== undefined) {
      this.#forget(before)
    }
    this.#know(member)
    this.changes++
  }

  #know(member: NodeMember): void {
    this.#members.set(member.id, member)
    this.#byUrls.set(keyOf(member.peerURLs), member.id)
  }

  #forget(member: NodeMember): void {
    this.#members.delete(member.id)
    this.#byUrls.delete(keyOf(member.peerURLs))
  }
}

function keyOf(urls: readonly string[]): string {
  return urls.join(',')
}

function urlsOf(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[]
}
